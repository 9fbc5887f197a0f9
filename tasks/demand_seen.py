"""Demand as the policy learns it: requests from Cloud Monitoring in units of a chip, and the forecaster that has seen them.

1. A bin is asked for once: a process that goes on asks for what is new and for the last hour again; where that differs, for all. 2. A process that
starts asks for all of it in one aligned query. Both forecast the same, because what was there when the forecast began is learnt at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from cloud.connection import Connection
from cloud.requests_seen import FAILED, requests_seen
from ironwood import naming
from ironwood.capacity import live
from ironwood.capacity.demand import GRID_MINUTES, Calendar, make_calendar
from ironwood.capacity.forecast.forecaster import Forecaster
from ironwood.capacity.policies import Optimized
from ironwood.capacity.policies.optimized import HORIZON
from ironwood.capacity.throughput import Work
from ironwood.decided import HOLDS, Anchor
from ironwood.profile import Profile
from ironwood.windows.occurrences import holiday_name
from tasks.retries import google_task

FloatArray = NDArray[np.float64]

AGAIN: Final = 12
"""Bins asked for once more, to see that they are as they were."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Learning:
    """`units` of demand of each bin since the anchor's beginning, and the forecaster that has learnt all of them."""

    anchor: Anchor
    units: FloatArray
    forecaster: Forecaster


_warm: WeakKeyDictionary[Connection, dict[object, Learning]] = WeakKeyDictionary()
_one_at_a_time = Lock()


@google_task(name="policy", run_name="read what the load balancer of {profile.name} was asked for")
def first_request(connection: Connection, profile: Profile, slot: datetime) -> datetime | None:
    """The beginning of the first five minutes with a request, of those the policy may learn from in `slot`; None where nothing was asked."""
    until = told_until(profile, slot)
    with connection.clock.participating("policy"):
        units = _units(connection, profile, until - timedelta(days=profile.policy.history_days), until)
    busy = np.flatnonzero(units)
    return None if not busy.size else until - (units.size - int(busy[0])) * live.BIN


@google_task(name="policy", run_name="learn what the load balancer of {profile.name} was asked for")
def learn(connection: Connection, profile: Profile, anchor: Anchor, slot: datetime) -> Learning:
    """Everything told by `slot` since `anchor`, learnt."""
    key = (profile.policy, profile.time_zone, profile.holidays, anchor)
    until = told_until(profile, slot)
    count = live.bin_of(until, anchor.learns_from)
    with connection.clock.participating("policy"), _one_at_a_time:
        known = _warm.get(connection, {}).get(repr(key))
        found = None if known is None or known.units.size > count else _continued(connection, profile, known, until)
        if found is None:
            found = _anew(connection, profile, anchor, until)
        _warm[connection] = {repr(key): found}
    return found


def _continued(connection: Connection, profile: Profile, known: Learning, until: datetime) -> Learning | None:
    """`known` with what is new; None where what was told before has changed."""
    before = known.units.size
    begin = max(0, before - AGAIN)
    fresh = _units(connection, profile, known.anchor.learns_from + begin * live.BIN, until)
    if not np.array_equal(fresh[: before - begin], known.units[begin:]):
        return None
    units = np.concatenate([known.units, fresh[before - begin :]])
    known.forecaster.observe(units)
    return Learning(anchor=known.anchor, units=units, forecaster=known.forecaster)


def _anew(connection: Connection, profile: Profile, anchor: Anchor, until: datetime) -> Learning:
    units = _units(connection, profile, anchor.learns_from, until)
    begun = min(units.size, live.bin_of(told_until(profile, anchor.begun), anchor.learns_from))
    return Learning(anchor=anchor, units=units, forecaster=live.learnt(Optimized(), calendar_of(profile, anchor), units, begun))


def _units(connection: Connection, profile: Profile, since: datetime, until: datetime) -> FloatArray:
    return _in_units(profile, _requests(connection, profile, since, until))


def _requests(connection: Connection, profile: Profile, since: datetime, until: datetime, only: str = "") -> FloatArray:
    if until <= since:
        return np.zeros(0)
    bins = requests_seen(connection, url_map=naming.url_map(profile.name_prefix), since=since, until=until, only=only)
    return np.array([count for _, count in bins], dtype=np.float64)


def _in_units(profile: Profile, requests: FloatArray) -> FloatArray:
    policy = profile.policy
    work = Work(input_tokens_per_request=policy.input_tokens, output_tokens_per_request=policy.output_tokens)
    return work.tokens_per_second(requests=requests, bin_minutes=GRID_MINUTES) / policy.tokens_per_chip_second


@google_task(name="demand", run_name="read what the load balancer of {profile.name} was asked for and refused")
def came(connection: Connection, profile: Profile, since: datetime, until: datetime) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(units of demand, requests, those of them that were refused) of every bin of [since, until), both on full bins."""
    with connection.clock.participating("demand"):
        requests = _requests(connection, profile, since, until)
        return _in_units(profile, requests), requests, _requests(connection, profile, since, until, FAILED)


def told_until(profile: Profile, slot: datetime) -> datetime:
    """The end of the last bin of which everything is told by `slot`."""
    return live.slot_of(slot - timedelta(minutes=profile.policy.told_after_minutes), live.BIN)


def calendar_of(profile: Profile, anchor: Anchor) -> Calendar:
    """The calendar of everything that may be learnt from `anchor`, and of the horizon behind it."""
    bins = live.bin_of(anchor.begun + HOLDS, anchor.learns_from) + HORIZON
    zone = ZoneInfo(profile.time_zone)
    first = anchor.learns_from.astimezone(zone).date()
    days = [date.fromordinal(first.toordinal() + number) for number in range(bins * GRID_MINUTES // 1440 + 3)]
    special = frozenset(day.isoformat() for day in days if holiday_name(profile, day) is not None)
    return make_calendar(anchor.learns_from.astimezone(UTC), bins, zone=zone, special_days=special)
