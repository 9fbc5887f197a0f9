"""What if a price, a lead time, a maximum, the budget or the shortfall price were another: the same problem solved again, side by side.

1. One parameter differs at a time; everything else is the base problem's.
2. A difference smaller than both certified gaps is no difference, and the table says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ironwood.capacity.problem import CapacityPlan, CapacityProblem
from ironwood.errors import ProblemError

Solve = Callable[[CapacityProblem], CapacityPlan]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A named change of a problem."""

    name: str
    apply: Callable[[CapacityProblem], CapacityProblem]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One row: the plan's cost under a change, beside the base. `short_share`: shortfall / demand."""

    name: str
    cost_usd: float
    gap: float
    short_share: float
    infrastructure_usd: float
    change_usd: float
    certain: bool
    verdict: str


def price(factor: float) -> Change:
    """All pods cost `factor` times as much, starts included."""

    def apply(problem: CapacityProblem) -> CapacityProblem:
        tiers = tuple(
            replace(t, price_usd_per_pod_hour=t.price_usd_per_pod_hour * factor, startup_usd_per_pod=t.startup_usd_per_pod * factor)
            for t in problem.tiers
        )
        return replace(problem, tiers=tiers)

    return Change(name=f"price x {factor:g}", apply=apply)


def lead_time(minutes: float) -> Change:
    """Every tier takes `minutes` to come up; the difference is billed in each start."""

    def apply(problem: CapacityProblem) -> CapacityProblem:
        return replace(problem, tiers=tuple(tier.with_lead(minutes) for tier in problem.tiers))

    return Change(name=f"lead {minutes:g} min", apply=apply)


def budget(usd: float | None) -> Change:
    """Pods may cost at most `usd` in all; None for no limit."""
    name = "no budget" if usd is None else f"budget ${usd:,.0f}"
    return Change(name=name, apply=lambda problem: replace(problem, budget_usd=usd))


def max_pods(tier_name: str, most: int) -> Change:
    """At most `most` pods of a tier. Raises ProblemError where no tier has that name."""

    def apply(problem: CapacityProblem) -> CapacityProblem:
        if tier_name not in {tier.name for tier in problem.tiers}:
            raise ProblemError(f"what if: no tier is called {tier_name!r}; there are {', '.join(t.name for t in problem.tiers)}")
        columns = [k for k, tier in enumerate(problem.tiers) if tier.name == tier_name]
        tiers = tuple(
            replace(t, max_pods=most, initial_pods=min(t.initial_pods, most)) if t.name == tier_name else t for t in problem.tiers
        )
        ceiling = problem.ceiling.copy()
        for k in columns:
            unbound = ceiling[:, k] == problem.tiers[k].max_pods
            ceiling[:, k] = np.where(unbound, most, np.minimum(ceiling[:, k], most))
        return replace(problem, tiers=tiers, max_pods=ceiling, min_pods=np.minimum(problem.floor, ceiling))

    return Change(name=f"at most {most} {tier_name}", apply=apply)


def shortfall_price(usd_per_unit_hour: float) -> Change:
    """A unit-hour not served costs this."""
    return Change(
        name=f"shortfall ${usd_per_unit_hour:g}/unit-hour",
        apply=lambda problem: replace(problem, shortfall_usd_per_unit_hour=usd_per_unit_hour),
    )


def parse_changes(text: str) -> list[Change]:
    """`price=+10%,lead=30,budget=20000,max_small=4,shortfall=24`: a change each. Raises ProblemError naming the part that is wrong."""
    return [_parse_change(part.strip()) for part in text.split(",") if part.strip()]


def _parse_change(part: str) -> Change:
    name, _, value = (side.strip() for side in part.partition("="))
    usage = "write price=+10%, lead=30 (minutes), budget=20000 (USD a week) or budget=none, shortfall=24 (USD a unit-hour), max_TIER=4"
    try:
        if name == "price":
            return price(1 + float(value[:-1]) / 100 if value.endswith("%") else float(value))
        if name == "lead":
            return lead_time(float(value))
        if name == "budget":
            return budget(None if value == "none" else float(value))
        if name == "shortfall":
            return shortfall_price(float(value))
        if name.startswith("max_"):
            return max_pods(name.removeprefix("max_"), int(value))
    except ValueError as error:
        raise ProblemError(f"what if {part!r}: {value!r} is not a number; {usage}") from error
    raise ProblemError(f"what if {part!r}: there is no {name!r}; {usage}")


def effects(problem: CapacityProblem, changes: Sequence[Change], solve: Solve) -> list[Effect]:
    """Solve the base and each change; the base is the first row. Raises ProblemError."""
    base = solve(problem)
    rows = [_effect("as it is", problem, base, base, "")]
    for change in changes:
        changed = change.apply(problem)
        plan = solve(changed)
        rows.append(_effect(change.name, changed, plan, base, _verdict(problem, changed, base, plan)))
    return rows


def _effect(name: str, problem: CapacityProblem, plan: CapacityPlan, base: CapacityPlan, verdict: str) -> Effect:
    doubt = max(plan.cost_usd - plan.lower_bound_usd, 0) + max(base.cost_usd - base.lower_bound_usd, 0)
    change = plan.cost_usd - base.cost_usd
    return Effect(
        name=name,
        cost_usd=plan.cost_usd,
        gap=plan.gap,
        short_share=_short(problem, plan),
        infrastructure_usd=plan.infrastructure_usd + plan.startup_usd,
        change_usd=change,
        certain=abs(change) > doubt,
        verdict=verdict,
    )


def _short(problem: CapacityProblem, plan: CapacityPlan) -> float:
    expected = float((problem.demand_units.sum(axis=2) * problem.weights).sum()) * problem.hours
    return plan.shortfall_unit_hours / expected if expected > 0 else 0.0


def _verdict(problem: CapacityProblem, changed: CapacityProblem, base: CapacityPlan, plan: CapacityPlan) -> str:
    """What a budget means in words, nothing for other changes."""
    if problem.budget_usd == changed.budget_usd:
        return ""
    more = plan.infrastructure_usd + plan.startup_usd - base.infrastructure_usd - base.startup_usd
    less = _short(problem, base) - _short(changed, plan)
    if abs(more) < 1e-6:
        return "the budget does not bind"
    if more > 0:
        return f"the budget binds: ${more:,.0f} more buys {less:.2%} less shortage"
    return f"it would save ${-more:,.0f} on pods for {-less:.2%} more shortage"
