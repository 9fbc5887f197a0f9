"""When a job runs next: its cron expression in its time zone, and the pauses between its retries."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.times import SECOND, parse, to_datetime

Json = dict[str, Any]
MOST_RETRIES = 5
documented(
    "scheduler-retries",
    "A failed attempt is retried retryCount times (at most 5), after minBackoffDuration doubled at most maxDoublings times, then by equal steps, never above maxBackoffDuration.",
)
assumed(
    "scheduler-cron", "Schedules are unix-cron; English-like ones are refused with 400. Around clock changes cron runs as in Debian's cron."
)


def zone_of(job: Json) -> ZoneInfo:
    """The job's time zone; raises 400."""
    name = job.get("timeZone", "UTC")
    try:
        return ZoneInfo("UTC" if name.lower() == "utc" else name)
    except (KeyError, ValueError, OSError) as error:
        raise ApiError(400, f"Time zone is not recognized: {name}") from error


def next_time(job: Json, after: int) -> int | None:
    """The first cron time after an instant; raises 400 for a schedule that is none; None when there is none left."""
    zone = zone_of(job)
    try:
        moment = next(CronSim(job.get("schedule", ""), to_datetime(after).astimezone(zone)))
    except CronSimError as error:
        raise ApiError(400, f"Schedule or time zone is invalid: {job.get('schedule', '')!r} ({error}).") from error
    except StopIteration:
        return None
    return parse(moment.isoformat())


def check_retries(job: Json) -> None:
    """Raise 400 for a retry configuration Google refuses."""
    count = job.get("retryConfig", {}).get("retryCount", 0)
    if not 0 <= count <= MOST_RETRIES:
        raise ApiError(400, f"retry_count must be between 0 and {MOST_RETRIES}.")


def pause(job: Json, retry: int) -> int:
    """Microseconds before the ``retry``-th retry, from 1."""
    config: Json = job.get("retryConfig", {})
    least, most = duration(config.get("minBackoffDuration", "5s")), duration(config.get("maxBackoffDuration", "3600s"))
    doublings = int(config.get("maxDoublings", 5))
    grown = least << min(retry - 1, doublings)
    return min(most, grown * max(1, retry - doublings))


def duration(text: str) -> int:
    """Microseconds of ``3.5s``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s", text)
    return round(float(match[1]) * SECOND) if match else 0
