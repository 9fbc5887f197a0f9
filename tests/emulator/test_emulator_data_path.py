"""Requests that really go through a forwarding rule."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

GROUP = "zones/us-central1-c/instanceGroupManagers/group"
PREDICT = {"instances": [{"text": "hello"}]}


def wait_until(condition, limit=30):
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def healthy(emulator, group="group", service="backend"):
    body = {"group": f"zones/us-central1-c/instanceGroups/{group}"}
    statuses = emulator.ask("POST", f"global/backendServices/{service}/getHealth", body).get("healthStatus", [])
    return sum(entry["healthState"] == "HEALTHY" for entry in statuses)


@pytest.fixture
def base(scaled):
    scaled.network()
    scaled.template()
    scaled.health_check()
    return scaled


@pytest.fixture
def front(base):
    """Two VMs behind a rule; answers the emulator and the rule's URL once both are healthy."""
    group = base.group(2)
    url = base.front(base.backend_service(group, drain=60))
    wait_until(lambda: healthy(base) == 2)
    return base, url


def test_a_predict_is_answered_by_a_vm_of_the_tier_and_both_vms_take_part(front):
    emulator, url = front
    with httpx.Client() as client:
        answers = [client.post(f"{url}/v1/predict", json=PREDICT).json() for _ in range(10)]
        assert client.get(f"{url}/health").status_code == 200
        assert client.get(f"{url}/nowhere").status_code == 404
        assert client.post(f"{url}/v1/predict", json={"wrong": 1}).status_code == 400
    assert {answer["servedBy"] for answer in answers} == {vm["name"] for vm in emulator.managed(GROUP)}
    assert {answer["tier"] for answer in answers} == {"small"}
    counts = emulator.admin("GET", "dataplane")
    assert (counts["served"], counts["4xx"], counts["502"], counts["lost"], counts["in_flight"]) == (11, 2, 0, 0, 0)


def test_without_a_healthy_backend_the_answer_is_502(base):
    group = base.group(1)
    url = base.front(base.backend_service(group))
    fault = base.admin("POST", "faults", {"type": "unhealthy", "group": "group"})
    wait_until(lambda: base.ask("GET", GROUP)["status"]["isStable"])
    answer = httpx.post(f"{url}/v1/predict", json=PREDICT)
    assert answer.status_code == 502
    assert "no healthy upstream" in answer.text
    base.admin("DELETE", f"faults/{fault['id']}")
    wait_until(lambda: healthy(base) == 1)
    assert httpx.post(f"{url}/v1/predict", json=PREDICT).status_code == 200


def test_the_url_map_decides_which_tier_answers_and_rewrites_the_path(base):
    base.template("large-template", labels={"tier": "large"})
    small = base.group(1)
    large = base.group(1, name="large", template="large-template")
    first, second = base.backend_service(small), base.backend_service(large, name="backend-large")
    rewrite = {"urlRewrite": {"pathPrefixRewrite": "/v1/predict"}}
    matcher = {
        "name": "tiers",
        "defaultService": first,
        "pathRules": [
            {"paths": ["/complex"], "service": second, "routeAction": rewrite},
            {"paths": ["/complex/*"], "service": second, "routeAction": {"urlRewrite": {"pathPrefixRewrite": "/"}}},
        ],
    }
    url = base.front(first, hostRules=[{"hosts": ["*"], "pathMatcher": "tiers"}], pathMatchers=[matcher])
    wait_until(lambda: healthy(base) == 1 and healthy(base, "large", "backend-large") == 1)
    tiers = [httpx.post(url + path, json=PREDICT).json()["tier"] for path in ("/v1/predict", "/complex", "/complex/v1/predict")]
    assert tiers == ["small", "large", "large"]


def test_a_drained_vm_gets_no_new_requests_and_none_is_lost(front):
    emulator, url = front
    leaving, staying = [vm["name"] for vm in emulator.managed(GROUP)]
    stop, outcomes, served = threading.Event(), Counter(), []

    def load():
        with httpx.Client(timeout=30) as client:
            while not stop.is_set():
                begun = time.monotonic()
                answer = client.post(f"{url}/v1/predict", json=PREDICT)
                outcomes[answer.status_code] += 1
                served.append((begun, answer.json()["servedBy"]))

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(load) for _ in range(4)]
        wait_until(lambda: {name for _, name in served} == {leaving, staying})
        emulator.ask("POST", f"{GROUP}/deleteInstances", {"instances": [f"zones/us-central1-c/instances/{leaving}"]})
        flagged = time.monotonic()
        wait_until(lambda: len(emulator.managed(GROUP)) == 1)
        wait_until(lambda: served[-1][0] > flagged)
        stop.set()
        for worker in workers:
            worker.result()
    assert set(outcomes) == {200}
    assert {name for begun, name in served if begun > flagged} == {staying}
    assert emulator.admin("GET", "dataplane")["lost"] == 0


def test_a_request_cut_off_by_a_vm_that_goes_away_is_counted_as_lost(front):
    emulator, url = front
    emulator.admin("PUT", "durations", {"vm.remove": 5, "dataplane.first_token": 1_800})  # three real seconds for the VMs to go
    names = [vm["name"] for vm in emulator.managed(GROUP)]
    service = emulator.ask("GET", "global/backendServices/backend")
    emulator.do("PATCH", "global/backendServices/backend", {"timeoutSec": 3_600, "fingerprint": service["fingerprint"]})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(httpx.post, f"{url}/v1/predict", json=PREDICT, timeout=30)
        wait_until(lambda: emulator.admin("GET", "dataplane")["in_flight"] == 1)
        for name in names:
            emulator.ask("DELETE", f"zones/us-central1-c/instances/{name}")
        assert running.result().status_code == 502
    counts = emulator.admin("GET", "dataplane")
    assert (counts["lost"], counts["502"]) == (1, 0)


def test_a_backend_slower_than_the_services_timeout_is_a_504(base):
    group = base.group(1)
    url = base.front(base.backend_service(group, timeoutSec=1))
    wait_until(lambda: healthy(base) == 1)
    answer = httpx.post(f"{url}/v1/predict", json={**PREDICT, "parameters": {"max_tokens": 8000}})
    assert answer.status_code == 504
    assert emulator_counts(base)["504"] == 1


def emulator_counts(emulator):
    return emulator.admin("GET", "dataplane")


def test_overload_raises_latency_and_then_fills_the_queue_up_to_503(base):
    group = base.group(1)
    url = base.front(base.backend_service(group, timeoutSec=3600))
    wait_until(lambda: healthy(base) == 1)
    slow = {"instances": [{"text": "long"}] * 6, "parameters": {"max_tokens": 8000}}
    with httpx.Client(timeout=60, limits=httpx.Limits(max_connections=None)) as client:

        def ask(_=None):
            begun = time.monotonic()
            status = client.post(f"{url}/v1/predict", json=slow).status_code
            return status, time.monotonic() - begun

        _, alone = ask()
        with ThreadPoolExecutor(130) as pool:  # 4 chips: 32 slots and 64 waiting
            results = list(pool.map(ask, range(130)))
    statuses = Counter(status for status, _ in results)
    assert set(statuses) == {200, 503}
    assert statuses[200] >= 96
    assert max(took for status, took in results if status == 200) > 1.5 * alone


def test_a_deleted_rule_no_longer_listens(front):
    emulator, url = front
    emulator.do("DELETE", "global/forwardingRules/rule")
    assert emulator.admin("GET", "listeners")["listeners"] == []
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/health")
