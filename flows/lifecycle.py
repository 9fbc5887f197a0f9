"""Lifecycle: all of it, in order, with a report. The main job."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal

from prefect import flow

from cloud.clock import sleep
from cloud.connection import Connection, connect
from flows.command_line import Argument, run
from flows.detect_drift import detect_drift
from flows.ground import give_back, prepare
from flows.played_load import grow_by_load
from flows.provision import provision
from flows.reconcile import API_NAMES, owned_count
from flows.reconcile import ours as owned
from flows.refresh_prices import refresh_prices
from flows.rollout import rollout
from flows.run_names import named
from flows.scale import scale
from flows.status import status
from flows.teardown import teardown
from ironwood.cost.estimate import estimate
from ironwood.desired import desired
from ironwood.errors import InputError, ProbeError
from ironwood.profile import Profile
from ironwood.profile_security import is_protected
from ironwood.renewal import renewed
from tasks import report
from tasks.inputs import load_price_book, load_profile, with_image
from tasks.observe import observe
from tasks.probe import Load, routes, under_load
from tasks.reach import clients

HELD = timedelta(minutes=2)
"""How long the tiers are held, in the cloud's time, to compare its bill with our estimate."""
CENT = Decimal("0.01")
CANARY_PERCENT = 25
SLOW = 60
"""Times real time below which somebody who waits is told why."""
RESERVATIONS = "compute.reservations"


@flow(name="lifecycle", flow_run_name=named("lifecycle of {profile}"))
def lifecycle(profile: str = "embedded", confirm: str = "", image: str = "") -> None:
    """Provision, validate, look for drift, scale up and down under load, show the status, compare the prices with
    Google's catalog, tear down, prove zero.

    `confirm` must be the profile's name, as for teardown. `image`, a serving image, is rolled out under load in between. On the embedded
    cloud what the profile takes for given is made first: a Shared VPC, reservations; and a tier under an autoscaler is seen to grow by itself.
    """
    ours = load_profile(profile)
    connection = connect(ours)
    began = time.monotonic()
    if is_protected(ours):
        raise InputError(f"the lifecycle ends in a teardown, and profile {ours.name} is protected from deletion; use one that is not")
    _pace(connection)
    prepare(connection, ours)
    _earlier(connection, ours)
    provision(profile)
    if detect_drift(profile):
        raise ProbeError("what was just provisioned differs from the profile")
    _scale_under_load(connection, ours, profile)
    if image:
        profile = with_image(profile, image)
        _rollout_under_load(connection, ours, profile)
    status(profile)
    refresh_prices(profile)
    _held(connection, ours)
    grow_by_load(connection, ours)
    teardown(profile, confirm=confirm)
    give_back(connection, ours)
    _bill(connection)
    report.say("done", f"in {time.monotonic() - began:.0f} s")


def _pace(connection: Connection) -> None:
    """Say so where the embedded cloud is slow: `make ui` runs it at real time."""
    embedded = connection.embedded
    if embedded is not None and embedded.clock == "scaled" and embedded.scale < SLOW:
        report.say(
            "clock",
            f"the embedded cloud runs at {embedded.scale:g} times real time, all of this takes an hour of it; faster: make stop first",
        )


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
    with _loaded(connection, ours) as loads:
        scale(profile, {tier: room})
        scale(profile, ours.baseline)
    _none_lost("scale", f"{tier} {ours.baseline[tier]} → {room} → {ours.baseline[tier]}", loads)


def _rollout_under_load(connection: Connection, ours: Profile, profile: str) -> None:
    """The new serving image reaches every VM, while every route is asked without pause."""
    with _loaded(connection, ours) as loads:
        count = rollout(profile, canary_percent=CANARY_PERCENT)
    _none_lost("rollout", f"in {count} stages", loads)


def _loaded(connection: Connection, ours: Profile) -> AbstractContextManager[Mapping[str, Load]]:
    seen = observe(connection, API_NAMES).live
    wanted = renewed(desired(ours, ours.baseline), seen)
    return under_load(tuple(url for url, _ in routes(seen, wanted)), clients=clients(connection, seen, wanted))


def _none_lost(what: str, told: str, loads: Mapping[str, Load]) -> None:
    sent, failed = sum(each.sent for each in loads.values()), sum(each.failed for each in loads.values())
    report.say(what, f"{told}   {failed} of {sent:,} requests lost")
    if failed:
        raise ProbeError(f"requests were lost during {what}: { ({each.url: dict(each.answers) for each in loads.values()}) }")


def _held(connection: Connection, ours: Profile) -> None:
    """Hold what is there for a while: the embedded cloud's bill of that interval must be our estimate of it, to the cent."""
    if connection.admin is None:
        return
    # Whole seconds, because a started one bills as a whole.
    start = connection.clock.now().replace(microsecond=0) + timedelta(seconds=1)
    end = start + HELD
    with connection.clock.participating("holding"):
        sleep(connection.clock, HELD + timedelta(seconds=2))
    live = observe(connection, API_NAMES).live
    hours = Decimal((end - start) / timedelta(hours=1)).quantize(Decimal("1e-9"))
    mine = estimate(owned(live, ours), load_price_book("list")).hourly_usd * hours
    interval = {"from": start.isoformat(), "until": end.isoformat()}
    lines = connection.admin.get("/_emulator/bill", params=interval).raise_for_status().json()["lines"]
    # A reservation is its owner's bill, used or not.
    theirs = sum((Decimal(each["amount_usd"]) for each in lines if each["kind"] != RESERVATIONS), Decimal(0))
    report.say("held", f"{report.usd(theirs)} billed for {report.duration(end - start)}, {report.usd(mine)} estimated")
    if abs(mine - theirs) >= CENT:
        raise ProbeError(f"the bill of {start} to {end} is {theirs}, the estimate {mine}")


def _bill(connection: Connection) -> None:
    """The embedded cloud's own bill, by its own meter and prices."""
    if connection.admin is None:
        return
    bill = connection.admin.get("/_emulator/bill").raise_for_status().json()
    report.say("bill", f"${float(bill['total_usd']):,.2f} by the embedded cloud's own meter, ${float(bill['usd_per_hour']):,.2f}/h now")


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--image", default="", metavar="IMAGE", help="a serving image that is rolled out under load in between")


if __name__ == "__main__":
    sys.exit(run(lifecycle, Argument.PROFILE, Argument.CONFIRM, more=_more))
