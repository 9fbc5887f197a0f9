"""The sizes a flow desires: those it was given, and for every other tier what the windows in force want now, or the policy within them.

1. The clock and the state object are read once, here; whoever needs the moment, or a teardown that began, takes it from the answer.
2. The budget's last word comes after: a tier is never larger than it allows.
3. A flow that writes asks the policy, and the decision is kept; one that only looks goes by what was decided last.
4. Sizes given by hand lie within min_replicas..max_replicas; a flow that only looks takes any size that may be there.
5. A size given of a tier under an autoscaler is its least; the most is what the windows leave it.
6. What could not be had as it was asked for (a conflict), or has no effect any more, is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cloud.connection import Connection
from ironwood.profile import Profile, sizes_possible, sizes_within
from ironwood.sizes import most_of, sizes_of, told_most
from ironwood.state import State
from ironwood.windows import by_policy
from ironwood.windows.merge import BASELINE
from ironwood.windows.now import SizesNow
from tasks import policy, report
from tasks.budget import capped_sizes
from tasks.windows import plan_and_leads, sizes_wanted, state_now

GIVEN = "given"


def sizes_now(connection: Connection, profile: Profile, given: Mapping[str, int] | None) -> SizesNow:
    """What every enabled tier should hold now: `given` (pods by tier) where a tier is named.

    Raises ProfileError for sizes out of bounds, StateError for a plan in force that cannot be read.
    """
    named = given or {}
    sizes_within(profile, named)
    return _with(connection, profile, named, policy.decide)


def sizes_foreseen(connection: Connection, profile: Profile, given: Mapping[str, int] | None) -> SizesNow:
    """The same for a run that is to write nothing: what the policy decides is forgotten. Raises as `sizes_now`."""
    named = given or {}
    sizes_within(profile, named)
    return _with(connection, profile, named, policy.foresee)


def sizes_to_find(connection: Connection, profile: Profile, given: Mapping[str, int] | None) -> SizesNow:
    """The same for a flow that orders nothing: `given` may be any size a window may want, 0 to max_replicas. Raises as `sizes_now`."""
    named = given or {}
    sizes_possible(profile, named)
    return _with(connection, profile, named, policy.recall)


def sizes_of_state(connection: Connection, profile: Profile, kept: State) -> SizesNow:
    """The same for who has read the state himself: nothing more is asked of the cloud. Raises StateError."""
    return _capped(connection, profile, {}, policy.recall, kept)


def _with(connection: Connection, profile: Profile, named: Mapping[str, int], ask: policy.Ask) -> SizesNow:
    return _capped(connection, profile, named, ask, state_now(connection, profile))


def _capped(connection: Connection, profile: Profile, named: Mapping[str, int], ask: policy.Ask, kept: State) -> SizesNow:
    wanted = _wanted(connection, profile, named, ask, kept)
    capped = capped_sizes(profile, kept, wanted.sizes, wanted.moment)
    for tier, reason in capped.reasons.items():
        report.say("budget", f"{tier}: {reason}")
    return replace(wanted, sizes=capped.sizes, reasons={**wanted.reasons, **capped.reasons}, leaving=kept.leaving, capped=capped.reasons)


def _wanted(connection: Connection, profile: Profile, named: Mapping[str, int], ask: policy.Ask, kept: State) -> SizesNow:
    """What is wanted, whatever it costs."""
    moment = connection.clock.now()
    if named.keys() >= profile.enabled_tiers.keys() and not most_of(profile, named):
        return SizesNow(sizes=dict(named), reasons=dict.fromkeys(named, GIVEN), moment=moment)
    plan, leads = plan_and_leads(profile, kept)
    asked = ask(connection, profile, moment, kept)
    now = sizes_wanted(profile, plan, moment, leads, asked.wants)
    for tier, reason in now.reasons.items():
        if reason != BASELINE and tier not in named:
            report.say("windows", f"{tier} {now.sizes[tier]}: {reason}")
    for sentence in now.told:
        report.say("windows", sentence)
    for sentence in asked.told:
        report.say("policy", sentence)
    now = replace(now, told=(*now.told, *asked.told), outlook=asked.outlook)
    if asked.wants:
        now = replace(now, in_force=by_policy.NAME, windows=sizes_wanted(profile, plan, moment, leads).sizes)
    sizes = sizes_of({**now.sizes, **named}, told_most(now.sizes))
    return replace(now, sizes=sizes, reasons={**now.reasons, **dict.fromkeys(named, GIVEN)})
