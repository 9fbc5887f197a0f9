"""The policy in force: asked once a slot, what it decided kept in the state object, so that doubled, late and merely looking runs find the same.

1. It decides from what Cloud Monitoring tells of demand, what the cloud holds and the ledger says of it; windows and overrides bound it.
2. Where it cannot, that is said, and the windows and the plan in force decide: at once where there is too little history, after `PATIENCE` where
   the cloud does not answer: what was decided last holds until then, because demand did not fall when the telling of it did.
3. Only who writes decides for others: a dry run forgets, a flow that only looks goes by what was decided last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from cloud import state as states
from cloud.connection import Connection
from ironwood.capacity import live
from ironwood.capacity.live import Outlook
from ironwood.capacity.offers import rules_of
from ironwood.capacity.policies import Optimized
from ironwood.capacity.replay import Rules
from ironwood.cost.leads import ENOUGH
from ironwood.decided import Anchor, Decided
from ironwood.errors import ApiDisabledError, CloudError, NotFoundError, PermissionDeniedError, UnreachableError
from ironwood.profile import Profile
from ironwood.state import State
from ironwood.windows import by_policy
from ironwood.windows.occurrences import Occurrence
from tasks.demand_seen import first_request, learn, told_until
from tasks.holding import holding
from tasks.inputs import load_price_book
from tasks.retries import google_task

PATIENCE: Final = timedelta(hours=1)
"""For how long what was decided last holds while the cloud does not tell what the next decision needs."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the policy wants among the windows; nothing where they decide. `told`: what a person should read."""

    wants: tuple[Occurrence, ...] = ()
    told: tuple[str, ...] = ()
    outlook: Outlook | None = None


Ask = Callable[[Connection, Profile, datetime, State], Asked]
"""By what the state object said before."""


def decide(connection: Connection, profile: Profile, moment: datetime, state: State) -> Asked:
    """Ask the policy at `moment`, and keep what it decides for every look of the slot."""
    return _asked(connection, profile, moment, state, _kept)


def foresee(connection: Connection, profile: Profile, moment: datetime, state: State) -> Asked:
    """What it would decide; nothing is kept."""
    return _asked(connection, profile, moment, state, lambda _connection, _profile, decided: decided)


def recall(_connection: Connection, profile: Profile, moment: datetime, state: State) -> Asked:
    """What it decided last."""
    if profile.policy.between_plans == "windows":
        return Asked()
    last = state.decided
    return Asked(wants=by_policy.asked(profile, last, moment) if last is not None else ())


def _asked(
    connection: Connection, profile: Profile, moment: datetime, state: State, keep: Callable[[Connection, Profile, Decided], Decided]
) -> Asked:
    if profile.policy.between_plans == "windows":
        return Asked()
    slot = live.slot_of(moment, profile.policy.decide_every)
    last = state.decided
    if last is not None and last.sizes and last.at == slot:
        return Asked(wants=by_policy.asked(profile, last, moment))
    bounds = by_policy.bounds(profile, moment)
    told: tuple[str, ...] = bounds.told
    outlook = None
    try:
        anchor = _anchor(connection, profile, slot, last)
        short = _too_little(profile, slot, anchor)
        if short is not None or anchor is None:
            decided, told = Decided(at=slot), (*told, f"{by_policy.NAME}: {short}; the windows in force decide")
        else:
            decided, outlook = _decided(connection, profile, state, anchor, moment, slot, bounds)
    except (CloudError, UnreachableError) as error:
        why = str(error).splitlines()[0]
        if last is not None and last.sizes and slot - last.at <= PATIENCE:
            left = f"what was decided at {last.at:%H:%M} UTC holds until {last.at + PATIENCE:%H:%M} UTC"
            return Asked(wants=by_policy.asked(profile, last, moment), told=(f"{by_policy.NAME}: cannot decide, {left}: {why}",))
        decided = Decided(at=slot, anchor=last.anchor if last is not None else None)
        told = (*told, f"{by_policy.NAME}: cannot decide, the windows in force do: {why}")
    decided = keep(connection, profile, decided)
    return Asked(wants=by_policy.asked(profile, decided, moment), told=told, outlook=outlook)


def _anchor(connection: Connection, profile: Profile, slot: datetime, last: Decided | None) -> Anchor | None:
    """What the slot's decision learns from: as the last one did for a week, then from younger history; None where nothing was asked for."""
    if last is not None and last.anchor is not None and last.anchor.holds(slot):
        return last.anchor
    first = first_request(connection, profile, slot)
    return None if first is None else Anchor(learns_from=first, begun=slot)


def _too_little(profile: Profile, slot: datetime, anchor: Anchor | None) -> str | None:
    least = profile.policy.least_history_days
    if anchor is None:
        return f"the load balancer was asked for nothing in the last {profile.policy.history_days} days"
    known = told_until(profile, slot) - anchor.learns_from
    if known >= timedelta(days=least):
        return None
    return f"requests are known of {known / timedelta(days=1):.1f} days, it wants {least} (policy.least_history_days)"


def _decided(
    connection: Connection, profile: Profile, state: State, anchor: Anchor, moment: datetime, slot: datetime, bounds: by_policy.Bounds
) -> tuple[Decided, Outlook]:
    rules = rules_in_force(profile, state)
    known = learn(connection, profile, anchor, slot)
    held = holding(connection, profile, rules, moment)
    then = live.moment_of(rules, live.bin_of(slot, anchor.learns_from), known.units, anchor.learns_from, held)
    wish = live.decide(Optimized(), rules, known.forecaster, then, bounds.tiers)
    why = {tier.name: _why(wish, tier.name, tier.lead_minutes, held.pods.get(tier.name, 0)) for tier in rules.tiers}
    return Decided(at=slot, sizes=dict(wish.sizes), why=why, anchor=anchor), wish.outlook


def rules_in_force(profile: Profile, state: State) -> Rules:
    """The rules of `profile` now: leads it does not state are the median of what the ledger has taught, where that is enough."""
    zones = {name: tier.zone for name, tier in profile.enabled_tiers.items()}
    learned = {
        name: lead.p50 / timedelta(minutes=1)
        for (name, zone), lead in state.leads.items()
        if zones.get(name) == zone and lead.count >= ENOUGH
    }
    return rules_of(profile, load_price_book(profile.price_book), learned, profile.policy.decide_every_minutes)


def _why(wish: live.Wish, tier: str, lead_minutes: float, held: int) -> str:
    mean, most = wish.outlook.at(lead_minutes)
    return f"{held} to {wish.sizes[tier]}; in {lead_minutes:g} min {mean:,.0f} units expected, nine times of ten below {most:,.0f}"


@google_task(name="policy", run_name="keep what the policy of {profile.name} decided")
def _kept(connection: Connection, profile: Profile, decided: Decided) -> Decided:
    """What counts for the slot: `decided`, or what a look that was faster decided. Before anything is provisioned nothing is kept."""
    with connection.clock.participating("policy"):
        try:
            kept = states.update(connection, profile, uuid4(), "keep the policy's decision", lambda state: state.deciding(decided)).decided
        except (NotFoundError, ApiDisabledError, PermissionDeniedError):  # for preflight to name, as where the state is read
            return decided
    return kept if kept is not None else decided
