"""Is it recorded and watched? What a validation asks of the ledger's log, our metrics and the uptime check."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from cloud import metering
from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.alerting import UPTIME_CHECK
from ironwood import metrics, naming
from ironwood.profile import Profile
from tasks.finding import Finding
from tasks.record import CARRIED_OVER, recorded_runs
from tasks.retries import google_task

READ_WITHIN = timedelta(minutes=5)
"""What was written can be read after seconds, as a rule."""
POLL = timedelta(seconds=5)
KEPT = timedelta(days=40)
"""Cloud Monitoring keeps points of our own metrics for six weeks (documented)."""


@google_task(name="watched", run_name="read back what was written")
def watched(connection: Connection, profile: Profile) -> list[Finding]:
    """A recorded run can be read, our metrics can be read back, the uptime check is there; as far as the profile has them."""
    recorded = {"a run in the ledger's log": _last_run} if profile.logging.enabled else {}
    metered = {"our metrics read back": _cost, "uptime check": _uptime} if profile.monitoring.enabled else {}
    with connection.clock.participating("watched"):
        return [_finding(connection, check, partial(look, connection, profile)) for check, look in (recorded | metered).items()]


def _finding(connection: Connection, check: str, look: Callable[[], str]) -> Finding:
    """`look` until it finds something, or the time is up."""
    deadline = connection.clock.now() + READ_WITHIN
    while not (found := look()) and connection.clock.now() < deadline:
        sleep(connection.clock, POLL)
    return Finding(check=check, passed=bool(found), found=found or f"nothing after {READ_WITHIN}")


def _last_run(connection: Connection, profile: Profile) -> str:
    runs = recorded_runs(connection, profile, connection.clock.now() - CARRIED_OVER)
    return f"{runs[-1].operation} {runs[-1].plan} at {runs[-1].at:%Y-%m-%d %H:%M}" if runs else ""


def _cost(connection: Connection, profile: Profile) -> str:
    value = metering.latest(connection, metrics.own(profile.name_prefix, "hourly_usd"), seconds=int(KEPT.total_seconds()))
    return "" if value is None else f"${value:,.2f}/h"


def _uptime(connection: Connection, profile: Profile) -> str:
    name = naming.uptime_check(profile.name_prefix)
    found = next((each for each in UPTIME_CHECK.observe(connection) if (each.name, each.owner) == (name, profile.name)), None)
    return f"asks :{found.port}{found.path} each {found.period_seconds} s" if found else ""
