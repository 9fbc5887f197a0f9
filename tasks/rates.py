"""What the sizes to come cost an hour, where windows or a capacity plan say them: what the month's forecast is made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from ironwood.cost import budget
from ironwood.cost.estimate import estimate
from ironwood.cost.leads import ahead_of
from ironwood.cost.outlook import Rates
from ironwood.cost.pricebook import PriceBook
from ironwood.desired import desired
from ironwood.profile import Profile
from ironwood.state import State
from ironwood.windows.document import in_force
from ironwood.windows.timeline import held


def rates_to_come(profile: Profile, state: State, prices: PriceBook, now: datetime, end: datetime, month: str) -> Rates:
    """US dollars an hour from `now` until the month's `end`, within what the budget lets be; nothing where no window, override or plan says anything."""
    plan = in_force(state.capacity_plan, where="the capacity plan in force")
    if plan is None and not profile.windows and not profile.overrides:
        return ()
    known: dict[tuple[tuple[str, int], ...], Decimal] = {}

    def rate(sizes: Mapping[str, int]) -> Decimal:
        key = tuple(sorted(sizes.items()))
        if key not in known:
            known[key] = estimate(desired(profile, sizes), prices).hourly_usd
        return known[key]

    stretches = held(profile, plan, now, end, ahead_of(profile, state.leads))
    return [(each.begin, rate(budget.cap(profile, state, each.decision.sizes, month).sizes)) for each in stretches]
