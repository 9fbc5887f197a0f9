"""Export demand: the requests the load balancer served, from Cloud Monitoring into a CSV that replay and plan_capacity read."""

from __future__ import annotations

import argparse
import csv
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect import flow

from cloud.connection import connect
from cloud.requests_seen import BIN, requests_seen
from flows.command_line import Argument, run
from flows.run_names import named
from ironwood import naming
from ironwood.errors import InputError
from tasks import report
from tasks.inputs import load_profile

KEPT_DAYS = 42
"""For how long Cloud Monitoring keeps the metric (documented: six weeks)."""
DAYS = 28


@flow(name="export_demand", flow_run_name=named("export the demand of {profile}"))
def export_demand(profile: str = "embedded", write: str = "", days: float = DAYS) -> int:
    """Write `timestamp,requests` for every five minutes of the last `days` to the new file `write`; returns how many requests that were.

    The newest bin is the last whole one three minutes ago, because what was just served is not told yet. A profile with HTTPS counts what it
    served over HTTPS.
    """
    if not write:
        raise InputError("--write FILE: name the new CSV file")
    if Path(write).exists():
        raise InputError(f"--write {write}: there is such a file already; name another, demand is never overwritten")
    if not 0 < days <= KEPT_DAYS:
        raise InputError(f"--days {days:g}: Cloud Monitoring keeps {KEPT_DAYS} days; ask for more than 0 and at most that")
    ours = load_profile(profile)
    connection = connect(ours)
    until = _whole(connection.clock.now() - timedelta(minutes=3))
    since = _whole(until - timedelta(days=days))
    bins = list(requests_seen(connection, url_map=naming.url_map(ours.name_prefix), since=since, until=until))
    total = sum(count for _, count in bins)
    if not total:
        raise InputError(
            f"the load balancer of profile {ours.name} served no request between {since:%Y-%m-%d %H:%M} and {until:%Y-%m-%d %H:%M} UTC, "
            "so there is nothing to plan from; is it this profile's traffic?"
        )
    try:
        with Path(write).open("x", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow(("timestamp", "requests"))
            lines.writerows((f"{start:%Y-%m-%dT%H:%M:%SZ}", count) for start, count in bins)
    except OSError as error:
        raise InputError(f"--write {write}: {error.strerror}; name a new file in a folder that exists") from error
    report.say("demand", f"{total:,} requests in {len(bins):,} times five minutes, {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC")
    report.say("written", f"{write}; `python -m flows.replay --trace {write}` says what each policy would have cost")
    return total


def _whole(at: datetime) -> datetime:
    """The last full five minutes, in UTC."""
    return datetime.fromtimestamp(at.timestamp() // BIN.total_seconds() * BIN.total_seconds(), tz=UTC)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=float, default=DAYS, help="how far back, at most 42 (default: %(default)s)")


if __name__ == "__main__":
    sys.exit(run(export_demand, Argument.PROFILE, Argument.WRITE, more=_more))
