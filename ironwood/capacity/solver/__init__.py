"""`solve`: the least-cost sizes of a problem, with a bound that no sizes beat.

1. One region, few columns: the exact method (dynamic program, multipliers, label setting), any shortage function.
2. Regions that share nothing are solved one by one. A budget is a multiplier over the exact method, polished by HiGHS.
3. Routes, and columns beyond what a lattice holds: HiGHS, started from the exact plan of a part. `method` says what was done.
4. Whatever found the sizes, `verify` judges them before they are returned.

The compiled parts are imported by the first call, so that importing the package stays fast.
"""

from __future__ import annotations

from collections.abc import Callable

from ironwood.capacity.problem import CapacityPlan, CapacityProblem
from ironwood.capacity.solver.effort import QUICK, STANDARD, Effort

__all__ = ["QUICK", "STANDARD", "Effort", "solve"]


def _never() -> bool:
    return False


def solve(problem: CapacityProblem, *, effort: Effort = STANDARD, stop: Callable[[], bool] = _never) -> CapacityPlan:
    """The cheapest sizes found within `effort`, verified, with a proven lower bound.

    `stop` is polled between steps (a step of a few hundred milliseconds at most on a week of 5-minute periods): once it returns true the best
    plan so far is returned. Raises InfeasibleError if no sizes satisfy the constraints, ProblemError if none were found before the stop.
    """
    from ironwood.capacity.solver.dispatch import solve_any

    return solve_any(problem, effort=effort, stop=stop)
