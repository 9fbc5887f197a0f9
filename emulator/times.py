"""Emulated instants.

1. An instant is a whole number of microseconds since 1970-01-01T00:00:00Z; arithmetic on it is exact.
2. What a resource shows (creationTimestamp, insertTime, ...) is cut to milliseconds, in Pacific time, as Compute Engine prints it [recorded].
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND = 1_000_000
_PACIFIC = ZoneInfo("America/Los_Angeles")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def seconds(value: float) -> int:
    """Microseconds in ``value`` seconds, cut to whole milliseconds (what resources can show)."""
    return round(value * 1000) * 1000


def shown(instant: int) -> int:
    """The instant as clients will read it: whole milliseconds."""
    return instant - instant % 1000


def to_datetime(instant: int) -> datetime:
    """An aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=instant)


def utc(instant: int) -> str:
    """RFC 3339, UTC, microseconds: ``2026-09-01T00:00:00.000000Z``."""
    return to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def pacific(instant: int) -> str:
    """RFC 3339 with milliseconds in Pacific time, as in recorded Compute Engine traffic."""
    return to_datetime(instant).astimezone(_PACIFIC).isoformat(timespec="milliseconds")


def parse(text: str) -> int:
    """Microseconds of an RFC 3339 text; raises ValueError when it has no zone or is no timestamp."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write for example {text}Z")
    delta = moment.astimezone(UTC) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds
