"""The sizes a flow desires: those it was given, and for every other tier those of now.

1. The clock is read once, here; whoever needs the moment takes it from the answer.
2. The budget's last word comes after: a tier is never larger than it allows.
3. Sizes given by hand lie within min_replicas..max_replicas; a flow that only looks takes any size that may be there.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloud.connection import Connection
from ironwood.profile import Profile, sizes_possible, sizes_within
from ironwood.windows.now import SizesNow
from tasks import report
from tasks.budget import capped_sizes

GIVEN, BASELINE = "given", "baseline"


def sizes_now(connection: Connection, profile: Profile, given: Mapping[str, int] | None) -> SizesNow:
    """What every enabled tier should hold now: `given` (pods by tier) where a tier is named. Raises ProfileError for sizes out of bounds."""
    named = given or {}
    sizes_within(profile, named)
    return _with(connection, profile, named)


def sizes_to_find(connection: Connection, profile: Profile, given: Mapping[str, int] | None) -> SizesNow:
    """The same for a flow that orders nothing: `given` may be any size a window may want, 0 to max_replicas. Raises ProfileError."""
    named = given or {}
    sizes_possible(profile, named)
    return _with(connection, profile, named)


def _with(connection: Connection, profile: Profile, named: Mapping[str, int]) -> SizesNow:
    wanted = profile.baseline | dict(named)
    moment = connection.clock.now()
    capped = capped_sizes(connection, profile, wanted, moment)
    for tier, reason in capped.reasons.items():
        report.say("budget", f"{tier}: {reason}")
    reasons = {tier: GIVEN if tier in named else BASELINE for tier in wanted}
    return SizesNow(sizes=capped.sizes, reasons=reasons | dict(capped.reasons), moment=moment)
