"""Detect drift: what differs between the cloud and the profile. Changes nothing; provision repairs."""

from __future__ import annotations

import sys

from prefect import flow

from cloud.connection import connect
from flows.command_line import Argument, run
from flows.reconcile import by_hand, compare, told_of
from flows.run_names import named
from tasks import report
from tasks.inputs import load_profile
from tasks.target import sizes_to_find


@flow(name="detect_drift", flow_run_name=named("detect drift of {profile}"))
def detect_drift(profile: str = "embedded", sizes: dict[str, int] | None = None) -> int:
    """Tell every difference with its reason; returns how many there are."""
    ours = load_profile(profile)
    connection = connect(ours)
    found = compare(connection, ours, sizes_to_find(connection, ours, sizes).sizes)
    rows: list[tuple[str, str, str]] = [(change.action, str(change.address), change.reason) for change in found.plan]
    others = [("by hand", str(each.address), by_hand(each)) for each in found.foreign]
    report.page(
        f"drift-{ours.name}",
        f"drift of profile {ours.name}: {len(rows) + len(others)}",
        [*rows, *others],
        ("to repair", "resource", "what differs"),
    )
    told_of(found)
    repaired = f"{len(rows)} differences; `python -m flows.provision --profile {profile}` repairs them" if rows else "none"
    report.say("drift", repaired + (f"; {len(others)} made by hand, which no run repairs" if others else ""))
    return len(rows) + len(others)


if __name__ == "__main__":
    sys.exit(run(detect_drift, Argument.PROFILE, Argument.SIZES))
