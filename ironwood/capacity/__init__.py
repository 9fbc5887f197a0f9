"""Which pods to hold when: the problem, its cheapest answer with a proof, and what feeds it.

Importing this package is light; the solver's compiled parts are imported by the first `solve`.
"""

from ironwood.capacity.problem import CapacityPlan, CapacityProblem, InfeasibleError, Route, SharedLimit, Tier
from ironwood.capacity.solver import QUICK, STANDARD, Effort, solve
from ironwood.capacity.verify import Bill, RejectedPlanError, check, verify

__all__ = [
    "QUICK",
    "STANDARD",
    "Bill",
    "CapacityPlan",
    "CapacityProblem",
    "Effort",
    "InfeasibleError",
    "RejectedPlanError",
    "Route",
    "SharedLimit",
    "Tier",
    "check",
    "solve",
    "verify",
]
