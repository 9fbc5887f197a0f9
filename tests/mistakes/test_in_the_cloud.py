"""What Google answers at a bad moment: it is asked again, or the run stops, says so, and the next one finishes."""

from __future__ import annotations

from uuid import uuid4

import pytest
from google.cloud import compute_v1

from cloud.connection import connect
from cloud.drivers.registry import DRIVERS
from cloud.journal import Attempt
from flows.detect_drift import detect_drift
from flows.provision import provision
from ironwood.errors import UnfinishedError
from ironwood.resources.service_account import ServiceAccount
from running import wait_until
from standing import PROJECT, Standing
from tasks.inputs import load_profile

DISABLED = (
    "Compute Engine API has not been used in project 123456789012 before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com/apis/api/compute.googleapis.com/overview?project=123456789012 then retry."
)


def test_a_rate_limit_is_waited_out_by_reads_and_writes(standing: Standing):
    standing.changed_by_hand()
    methods = ("compute.backendServices.update", "compute.healthChecks.list", "compute.backendServices.get")
    faults = [standing.fault(type="api_rate_limit", method=method, times=1) for method in methods]
    assert provision(standing.path) == 1
    assert [standing.used(each) for each in faults] == [1, 1, 1]


def test_a_stale_fingerprint_stops_the_write_and_the_next_run_makes_it(standing: Standing):
    standing.changed_by_hand()
    stale = {"status": 412, "reason": "conditionNotMet", "message": "Invalid fingerprint."}
    fault = standing.fault(type="error", method="compute.backendServices.update", times=1, **stale)
    with pytest.raises(
        UnfinishedError, match=r"run the same command again.*\nupdate backend_service/global/inference-backend-small: .*Invalid fingerprint"
    ):
        provision(standing.path)
    assert standing.used(fault) == 1
    assert provision(standing.path) == 1


@pytest.mark.long
def test_an_api_that_goes_off_in_the_middle_is_told_with_googles_remedy_and_the_run_is_finished_later(standing: Standing):
    standing.changed_by_hand()
    fault = standing.fault(
        type="error", method="compute.backendServices.update", status=403, reason="accessNotConfigured", message=DISABLED, times=1
    )
    with pytest.raises(UnfinishedError, match=r"it is disabled\. Enable it by visiting https://console"):
        provision(standing.path)
    assert standing.used(fault) == 1
    assert provision(standing.path) == 1


def test_an_answer_that_is_lost_makes_nothing_twice(standing: Standing):
    before = standing.cloud.inventory()
    standing.client(compute_v1.FirewallsClient).delete_unary(project=PROJECT, firewall="ai-inference-allow-internal")
    wait_until(lambda: len(standing.cloud.inventory()) < len(before), "the rule to be gone")
    faults = [standing.fault(type="lost_response", method=f"compute.firewalls.{verb}", times=1) for verb in ("insert", "get")]
    assert provision(standing.path) == 1
    assert standing.used(faults[0]) == 1
    assert standing.cloud.inventory() == before
    assert detect_drift(standing.path) == 0


def test_an_account_that_cannot_be_read_yet_is_waited_for(standing: Standing):
    standing.cloud.tell("durations", {"iam.read_after_create": 120}, method="PUT")
    connection = connect(load_profile(standing.path))
    account = ServiceAccount(name="read-later", owner=standing.name, display_name="read later")
    attempt = Attempt(run=uuid4(), step="create", number=1)
    begun = connection.clock.now()
    try:
        DRIVERS["service_account"].create(connection, attempt, account)
        assert (connection.clock.now() - begun).total_seconds() >= 120
    finally:
        DRIVERS["service_account"].delete(connection, attempt, account)
        standing.cloud.tell("durations", {"iam.read_after_create": 8}, method="PUT")
    answers = [each["status"] for each in standing.cloud.requests() if each["method"].endswith("serviceAccounts.get")]
    assert 404 in answers, "Google said that it was not there"
