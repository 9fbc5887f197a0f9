"""The budget of a month: which of its thresholds are passed, what each does to the sizes, and how much money may still be promised.

1. A threshold is a share of the amount; passing it does one thing, once a month. What has been done holds until the month ends, or until the amount or
the action itself is changed in the profile. 2. What reduces sizes acts as early as money goes on running out while VMs drain: it looks `ahead`.
3. Capping only ever lowers a size. 4. Growth must be affordable together with everything that runs and everything promised to others, for an hour;
the promise is a reservation in the state object, and so two runs cannot both spend the last dollar.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from ironwood.cost.estimate import estimate
from ironwood.cost.pricebook import PriceBook
from ironwood.desired import order_of
from ironwood.errors import BudgetError
from ironwood.graph import Graph
from ironwood.placement import pod_of
from ironwood.profile import BudgetAction, Profile
from ironwood.resources.autoscaler import ON, Autoscaler
from ironwood.resources.base import Address
from ironwood.resources.group import InstanceGroup
from ironwood.resources.vertex import DeployedModel
from ironwood.sizes import most_of, sizes_of
from ironwood.state import Effect, Reservation, Settled, Spending, State

EVERY = timedelta(minutes=1)
"""How often the budget is checked."""
REMOVAL = timedelta(minutes=1)
"""How long a drained VM takes to be gone (documented: up to 60 s)."""
COVERED = timedelta(hours=1)
"""For how long growth must be affordable; so long is money promised to it, unless it is settled before."""
EFFECTS: Mapping[str, Effect] = {
    "notify": "told",
    "stop_growth": "ceiling",
    "shrink_to_floor": "floor",
    "tear_down": "zero",
    "replan": "planned",
}


@dataclass(frozen=True, kw_only=True)
class Capped:
    """Sizes (pods by tier) within the budget, and for each tier that was lowered why."""

    sizes: Mapping[str, int]
    reasons: dict[str, str]


def month_of(at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the calendar month `at` lies in, in `zone`."""
    return at.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)


def month_end(at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the month after the one `at` lies in, in `zone`."""
    return month_of(month_of(at, zone) + timedelta(days=32), zone)


def month_name(at: datetime, zone: ZoneInfo) -> str:
    """`2026-11`."""
    return f"{at.astimezone(zone):%Y-%m}"


def actions_of(profile: Profile) -> tuple[BudgetAction, ...]:
    """What the profile's budget does, lowest threshold first; by default it notifies at each of its thresholds."""
    budget = profile.budget
    actions = budget.actions if budget.actions is not None else tuple(BudgetAction(at=at, do="notify") for at in budget.thresholds)
    return tuple(sorted(actions, key=lambda each: each.at))


def is_hard(profile: Profile) -> bool:
    """Whether the budget does more than tell."""
    return any(each.do != "notify" for each in actions_of(profile))


def key_of(profile: Profile, action: BudgetAction) -> str:
    """What is remembered of an action that was done; another amount makes it another action."""
    return " ".join([f"{action.at:g}", action.do, *action.tiers, f"of {profile.budget.amount_usd}"])


def usd_at(profile: Profile, action: BudgetAction) -> Decimal:
    """The US dollars at which an action is due."""
    return Decimal(str(action.at)) * profile.budget.amount_usd


def limit_usd(profile: Profile) -> Decimal | None:
    """How far growth may spend: to the lowest threshold that stops it or shrinks, else to the whole amount; None for a budget that only tells."""
    if not is_hard(profile):
        return None
    return min(
        (usd_at(profile, each) for each in actions_of(profile) if each.do not in {"notify", "replan"}),
        default=Decimal(profile.budget.amount_usd),
    )


def ahead(profile: Profile) -> timedelta:
    """How long VMs bill on once a tier is to shrink, the next check included."""
    return timedelta(seconds=max(each.draining_seconds for each in profile.enabled_tiers.values())) + REMOVAL + EVERY


def due(profile: Profile, spending: Spending | None, spent_usd: Decimal, hourly_usd: Decimal) -> list[BudgetAction]:
    """The actions whose threshold is passed and that were not done yet this month, lowest first.

    One that lowers sizes is due when what is spent until it has taken effect would pass its threshold; `hourly_usd` is the most that may be by then.
    """
    soon = spent_usd + hourly_usd * Decimal(ahead(profile).total_seconds()) / 3600
    done = spending.done if spending else {}
    reached = {"notify": spent_usd, "stop_growth": spent_usd}
    return [
        each for each in actions_of(profile) if key_of(profile, each) not in done and reached.get(each.do, soon) >= usd_at(profile, each)
    ]


def cap(profile: Profile, state: State, sizes: Mapping[str, int], month: str) -> Capped:
    """`sizes` (pods by tier) as far as what the budget has done in `month` (`2026-11`) lets them be."""
    spending = state.spending
    if spending is None or spending.month != month:
        return Capped(sizes=sizes, reasons={})
    capped, most, reasons = dict(sizes), most_of(profile, sizes), {}
    wanted = {tier: max(pods, most.get(tier, 0)) if pods else 0 for tier, pods in sizes.items()}
    for action in actions_of(profile):
        effect = spending.done.get(key_of(profile, action))
        if effect is None:
            continue
        for tier, limit in _bounds(profile, action, effect, spending):
            if tier in capped and max(capped[tier], most.get(tier, 0) if capped[tier] else 0) > limit:
                capped[tier] = min(capped[tier], limit)
                most |= {tier: limit} if tier in most else {}
                reasons[tier] = (
                    f"{wanted[tier]} wanted, {limit} allowed: {action.do} at {action.at:.0%} of ${profile.budget.amount_usd:,} a month, "
                    f"${spending.spent_usd:,.2f} spent"
                )
    return Capped(sizes=sizes_of(capped, most), reasons=reasons)


def _bounds(profile: Profile, action: BudgetAction, effect: Effect, spending: Spending) -> Iterator[tuple[str, int]]:
    if effect in {"ceiling", "floor"}:
        yield from spending.ceiling.items()
    if effect == "floor":
        yield from ((name, tier.min_replicas) for name, tier in profile.enabled_tiers.items())
    if effect == "zero":
        yield from ((name, 0) for name in action.tiers)


def pods_of(profile: Profile, live: Graph) -> dict[str, int]:
    """Pods of each enabled tier as the groups of `live` are ordered, a started one counted."""
    held = dict.fromkeys(profile.enabled_tiers, 0)
    for group in live:
        order = order_of(profile, group.name) if isinstance(group, InstanceGroup) and group.owner == profile.name else None
        if order is not None and isinstance(group, InstanceGroup):
            held[order[0]] += group.size
    return {name: -(-vms // pod_of(profile.enabled_tiers[name]).vms) for name, vms in held.items()}


def standing(profile: Profile, live: Graph) -> Mapping[str, int]:
    """The same, with the most that an autoscaler of `live` that is on may come to."""
    found = {}
    for each in live:
        order = order_of(profile, each.group.name) if isinstance(each, Autoscaler) and each.owner == profile.name else None
        if order is not None and isinstance(each, Autoscaler) and each.mode == ON:
            found[order[0]] = -(-each.most // pod_of(profile.enabled_tiers[order[0]]).vms)
    return sizes_of(pods_of(profile, live), found)


def more_usd_hour(live: Graph, wanted: Graph, prices: PriceBook) -> Decimal:
    """What the groups and deployed models of `wanted` cost an hour above what they cost in `live`: over all options and zones, what shrinks elsewhere not set off."""
    before, after = _by_group(live, prices), _by_group(wanted, prices)
    return sum((max(Decimal(0), usd - before.get(group, Decimal(0))) for group, usd in after.items()), Decimal(0))


def _by_group(graph: Graph, prices: PriceBook) -> dict[Address, Decimal]:
    found: dict[Address, Decimal] = {}
    for line in estimate(graph, prices).lines:
        if line.address.kind in {InstanceGroup.kind, DeployedModel.kind}:
            found[line.address] = found.get(line.address, Decimal(0)) + line.hourly_usd
    return found


@dataclass(frozen=True, kw_only=True)
class Growth:
    """A run that wants to grow: what is spent, what runs and what it adds, in US dollars (an hour), as seen at an instant."""

    run: str
    at: datetime
    spent_usd: Decimal
    running_usd_hour: Decimal
    more_usd_hour: Decimal
    month_end: datetime

    @property
    def usd(self) -> Decimal:
        """What is promised to it."""
        return self.more_usd_hour * self.hours

    @property
    def hours(self) -> Decimal:
        """For how long: an hour, or what is left of the month."""
        return Decimal(min(COVERED, self.month_end - self.at).total_seconds()) / 3600


def reserved(profile: Profile, state: State, growth: Growth) -> State:
    """`state` with the money for `growth` set aside; raises BudgetError where the budget does not leave it."""
    limit = limit_usd(profile)
    if limit is None:
        return state
    running = growth.running_usd_hour
    if state.settled is not None and state.settled.at > growth.at:  # somebody grew since this run looked
        running = max(running, state.settled.usd_hour)
    others = state.releasing(growth.run).reserved_usd(growth.at)
    left = limit - growth.spent_usd - running * growth.hours - others
    if growth.usd > left:
        raise BudgetError(
            f"growing by ${growth.more_usd_hour:,.2f}/h needs ${growth.usd:,.2f} for the next hour, and the budget leaves ${max(left, Decimal(0)):,.2f}: "
            f"${limit:,.2f} until growth stops, ${growth.spent_usd:,.2f} spent this month, ${running * growth.hours:,.2f} for an hour of what runs, "
            f"${others:,.2f} promised to other runs. Nothing was grown; raise budget.amount_usd, or ask for less."
        )
    held = Reservation(usd=growth.usd, reason=f"growth by ${growth.more_usd_hour:,.2f}/h", until=growth.at + COVERED)
    return state.reserving(growth.run, held)


def settled(state: State, run: str, usd_hour: Decimal, at: datetime) -> State:
    """`state` once a run has grown: its promise is released, and what runs now is written down for who looked before."""
    return state.releasing(run).settling(Settled(usd_hour=usd_hour, at=at))
