"""Lifecycle: all of it, in order, with a report. The main job."""

from __future__ import annotations

import sys
import time

from prefect import flow

from cloud.connection import Connection, connect
from flows.command_line import Argument, run
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.reconcile import API_NAMES, owned_count
from flows.scale import scale
from flows.status import status
from flows.teardown import teardown
from ironwood.desired import desired
from ironwood.errors import ProbeError
from ironwood.profile import Profile
from ironwood.renewal import renewed
from tasks import report
from tasks.inputs import load_profile
from tasks.observe import observe
from tasks.probe import routes, under_load
from tasks.reach import clients


@flow(name="lifecycle", flow_run_name="lifecycle of {profile}")
def lifecycle(profile: str = "embedded", confirm: str = "") -> None:
    """Provision, validate, look for drift, scale up and down under load, show the status, tear down, prove zero.

    `confirm` must be the profile's name, as for teardown.
    """
    ours = load_profile(profile)
    connection = connect(ours)
    began = time.monotonic()
    _earlier(connection, ours)
    provision(profile)
    if detect_drift(profile):
        raise ProbeError("what was just provisioned differs from the profile")
    _scale_under_load(connection, ours, profile)
    status(profile)
    teardown(profile, confirm=confirm)
    _bill(connection)
    report.say("done", f"in {time.monotonic() - began:.0f} s")


def _earlier(connection: Connection, ours: Profile) -> None:
    """Say what an earlier run left and what becomes of it."""
    left = owned_count(observe(connection, API_NAMES).live, ours)
    if left:
        report.say(
            "earlier",
            f"{left} objects of profile {ours.name} are there already; they are brought into shape, used, and torn down at the end",
        )


def _scale_under_load(connection: Connection, ours: Profile, profile: str) -> None:
    """The first tier that can grow goes up by its room and back, while every route is asked without pause."""
    tier, room = next((name, each.max_replicas) for name, each in ours.enabled_tiers.items())
    seen = observe(connection, API_NAMES).live
    urls = tuple(url for url, _ in routes(seen, renewed(desired(ours, ours.baseline), seen)))
    with under_load(urls, clients=clients(connection, seen)) as loads:
        scale(profile, {tier: room})
        scale(profile, ours.baseline)
    sent, failed = sum(each.sent for each in loads.values()), sum(each.failed for each in loads.values())
    report.say("scale", f"{tier} {ours.baseline[tier]} → {room} → {ours.baseline[tier]}   {failed} of {sent:,} requests lost")
    if failed:
        raise ProbeError(f"requests were lost while scaling: { ({each.url: dict(each.answers) for each in loads.values()}) }")


def _bill(connection: Connection) -> None:
    """The embedded cloud's own bill, by its own meter and prices."""
    if connection.admin is None:
        return
    bill = connection.admin.get("/_emulator/bill").raise_for_status().json()
    report.say("bill", f"${float(bill['total_usd']):,.2f} by the embedded cloud's own meter, ${float(bill['usd_per_hour']):,.2f}/h now")


if __name__ == "__main__":
    sys.exit(run(lifecycle, Argument.PROFILE, Argument.CONFIRM))
