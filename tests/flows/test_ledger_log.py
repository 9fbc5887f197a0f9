"""The ledger's log: one entry a run that changed something, in a bucket that a teardown leaves pending and a provision takes back."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from cloud.connection import connect
from flows.provision import provision
from flows.scale import scale
from flows.teardown import teardown
from ironwood.errors import PreflightError
from running import EmbeddedCloud
from tasks.inputs import load_profile
from tasks.record import recorded_runs

PROJECT = "embedded-project"
BUCKETS = f"/v2/projects/{PROJECT}/locations/global/buckets"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def ask(cloud: EmbeddedCloud, method: str, path: str, body: object = None) -> dict[str, object]:
    return httpx.request(method, f"http://{cloud.rest}{path}", json=body).raise_for_status().json()


def pending(cloud: EmbeddedCloud) -> list[str]:
    return [
        each["name"] for each in cloud.ask("inventory")["resources"] if each["state"] == "PENDING_DELETION" and "logging" in each["kind"]
    ]


def test_every_run_that_changes_something_is_recorded_and_the_record_outlives_a_teardown(flows_here: EmbeddedCloud, whole_profile: Path):
    profile = load_profile(str(whole_profile))
    provision(str(whole_profile))
    scale(str(whole_profile), {"small": 2})
    provision(str(whole_profile), {"small": 2})  # changes nothing, leaves no entry
    teardown(str(whole_profile), confirm=profile.name)
    assert pending(flows_here) == ["ironwood-ledger"]
    assert flows_here.inventory() == set()

    provision(str(whole_profile))  # takes the deletion back; the earlier entries are there again
    assert pending(flows_here) == []
    connection = connect(profile)
    connection.clock.sleep_until(datetime.fromtimestamp(connection.clock.now().timestamp() + 10, tz=UTC))
    runs = recorded_runs(connection, profile, LONG_AGO)
    assert [(run.operation, dict(run.sizes)) for run in runs] == [
        ("provision", {"small": 1, "medium": 1}),
        ("scale", {"small": 2, "medium": 1}),
        ("teardown", {"small": 0, "medium": 0}),
        ("provision", {"small": 1, "medium": 1}),
    ]
    assert [run.hourly_after_usd for run in runs] == [
        runs[1].hourly_before_usd,
        runs[2].hourly_before_usd,
        Decimal(0),
        runs[0].hourly_after_usd,
    ]
    teardown(str(whole_profile), confirm=profile.name)
    assert flows_here.inventory() == set()


def test_a_bucket_somebody_else_has_deleted_is_not_taken(flows_here: EmbeddedCloud, whole_profile: Path):
    ask(flows_here, "POST", f"{BUCKETS}?bucketId=ironwood-ledger", {"description": "theirs"})
    ask(flows_here, "DELETE", f"{BUCKETS}/ironwood-ledger")
    with pytest.raises(
        PreflightError, match=r"ironwood-ledger was deleted by somebody else and is kept by Google for 7 days\. Undelete it"
    ):
        provision(str(whole_profile))
    assert not any("compute" in each["method"] for each in flows_here.writes())
    assert ask(flows_here, "GET", f"{BUCKETS}/ironwood-ledger")["lifecycleState"] == "DELETE_REQUESTED"
