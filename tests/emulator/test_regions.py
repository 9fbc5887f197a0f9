"""Requests go to the closest region that has room; a region that is lost takes its VMs, its writes and its jobs with it until it is back."""

from collections import Counter

import httpx
import pytest

from emulator import outages
from emulator.dataplane.nearness import by_nearness

PREDICT = {"instances": [{"text": "hello"}]}
HERE, THERE = "zones/us-central1-b/instanceGroupManagers/near", "zones/europe-west4-a/instanceGroupManagers/far"
JOBS = "/v1/projects/test-project/locations/europe-west4/jobs"


def test_the_closest_region_is_the_one_across_the_least_of_the_world():
    regions = ["asia-northeast1", "us-east5", "europe-west4", "europe-west1", "us-central1"]
    assert by_nearness("us-central1", regions) == ["us-central1", "us-east5", "europe-west4", "europe-west1", "asia-northeast1"]
    assert by_nearness("europe-west4", regions)[:2] == ["europe-west4", "europe-west1"]
    assert by_nearness("asia-northeast1", ["europe-west4", "us-central1"]) == ["europe-west4", "us-central1"]
    assert by_nearness("me-central1", ["b", "a"]) == ["a", "b"]


def test_a_zone_a_region_and_a_name_tell_their_region():
    assert outages.region_of("europe-west4-a") == outages.region_of("europe-west4") == "europe-west4"
    assert outages.region_of("us-central1-ai1a") == "us-central1"
    assert outages.location_of("projects/p/locations/europe-west4/jobs/x") == "europe-west4"


@pytest.fixture
def two(stepped):
    """One backend service over a VM in us-central1 and one in europe-west4, both healthy; time stands still. Its URL."""
    stepped.network()
    link = f"projects/{stepped.project}/global/networks/net"
    stepped.do("POST", "regions/europe-west4/subnetworks", {"name": "net-sub", "network": link, "ipCidrRange": "10.1.0.0/16"})
    stepped.template(machineType="ct6e-standard-4t")
    stepped.health_check()
    groups = stepped.group(1, name="near", zone="us-central1-b"), stepped.group(1, name="far", zone="europe-west4-a")
    service = stepped.backend_service(*groups)
    backends = [
        {"group": each.replace("Managers", "s"), "balancingMode": "RATE", "maxRatePerInstance": 3}
        for each in (f"projects/{stepped.project}/{group}" for group in groups)
    ]
    found = stepped.ask("GET", "global/backendServices/backend")
    stepped.do("PATCH", "global/backendServices/backend", {"backends": backends, "fingerprint": found["fingerprint"]})
    url = stepped.front(service)
    stepped.advance(3600)
    return stepped, url


def answered(url, count, client=None):
    """Where `count` requests for the readiness path were answered, by status; those come at one instant."""
    headers = {"x-emulated-client-region": client} if client else {}
    return Counter(httpx.get(f"{url}/health", headers=headers).status_code for _ in range(count))


def sent(emulator):
    by_backend = emulator.admin("GET", "dataplane")["by_backend"]
    return {name.rpartition("/")[2]: counts["served"] for name, counts in by_backend.items()}


def test_requests_go_to_the_closest_region_and_spill_over_where_it_has_no_room(two):
    emulator, url = two
    answered(url, 2)
    assert sent(emulator) == {"near": 2}
    answered(url, 2)
    assert sent(emulator) == {"near": 3, "far": 1}, "three a second are what the closest takes"
    emulator.advance(2)
    answered(url, 3, client="asia-northeast1")
    assert sent(emulator) == {"near": 3, "far": 4}
    answered(url, 5, client="europe-west1")
    assert sent(emulator) == {"near": 6, "far": 6}, "where none has room the closest takes the rest"


def test_a_lost_region_is_gone_until_it_is_back(two):
    emulator, url = two
    (vm,) = emulator.managed(THERE)
    emulator.ask("POST", "/v1/projects/test-project/services/cloudscheduler.googleapis.com:enable", {})
    emulator.advance(600)
    uri = "https://compute.googleapis.com/compute/v1/projects/test-project/zones/europe-west4-a/instanceGroupManagers/far/resize?size=0"
    job = {"name": f"{JOBS[4:]}/lease", "schedule": "30 * * * *", "httpTarget": {"uri": uri, "httpMethod": "POST"}}
    emulator.ask("POST", JOBS, job)
    before = emulator.admin("GET", "bill")
    fault = emulator.admin("POST", "faults", {"type": "region_lost", "region": "europe-west4"})
    assert fault["state"] == "armed"
    assert emulator.ask("GET", "regions/europe-west4")["status"] == emulator.ask("GET", "zones/europe-west4-a")["status"] == "DOWN"
    assert emulator.ask("GET", "regions/us-central1")["status"] == "UP"
    # Who asks from there is answered from here; the chips there bill no more.
    assert answered(url, 5, client="europe-west4") == {200: 5}
    assert sent(emulator) == {"near": 5}
    assert 11 < float(before["usd_per_hour"]) - float(emulator.admin("GET", "bill")["usd_per_hour"]) < 13, (
        "four chips at 2.97, a disk, a NAT gateway"
    )
    # Nothing is written there, what is known is read; elsewhere all goes on.
    for path, body in ((f"{THERE}/resize?size=0", None), ("regions/europe-west4/routers", {"name": "r", "network": "global/networks/net"})):
        assert emulator.ask("POST", path, body, status=503)["error"]["errors"][0]["reason"] == "backendError"
    emulator.ask("POST", f"{JOBS}/lease:run", {}, status=503)
    assert emulator.ask("GET", THERE)["targetSize"] == 1
    emulator.do("POST", f"{HERE}/resize?size=2")
    # The group wants its VM back, and says why it has none.
    emulator.advance(2 * 3600)
    assert [each["instanceStatus"] for each in emulator.managed(THERE) if each.get("instanceStatus")] == []
    errors = emulator.ask("GET", f"{THERE}/listErrors")["items"]
    assert errors[-1]["error"]["code"] == "ZONE_RESOURCE_POOL_EXHAUSTED"
    # Its job has missed two times, which are not made up for.
    emulator.admin("DELETE", f"faults/{fault['id']}")
    emulator.ask("POST", f"{JOBS}/lease:pause", {})
    emulator.advance(3600)
    assert "lastAttemptTime" not in emulator.ask("GET", f"{JOBS}/lease")
    (back,) = emulator.managed(THERE)
    assert (back["name"], back["instanceStatus"]) == (vm["name"], "RUNNING")
    assert back["id"] != vm["id"]
    emulator.advance(2)
    answered(url, 2, client="europe-west4")
    assert sent(emulator) == {"near": 5, "far": 2}
    refused = emulator.http.post("/_emulator/faults", json={"type": "region_lost", "region": "mars-north1"})
    assert refused.status_code == 400
    assert "mars-north1" in refused.text
