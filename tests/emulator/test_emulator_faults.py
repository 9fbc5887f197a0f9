"""Faults strike where they are set, and nowhere else."""

import threading

import httpx
import pytest

CHECK = {"name": "check", "type": "HTTP"}


@pytest.fixture
def held(stepped):
    """Hold the next write at a point; answers a function that sends it in the background."""

    def hold(point):
        fault = stepped.admin("POST", "faults", {"type": "hold", "nth_write": 1, "point": point})
        outcome = {}
        client = httpx.Client(base_url=stepped.url, timeout=20)

        def send():
            try:
                outcome["status"] = client.post(f"/compute/v1/projects/{stepped.project}/global/healthChecks", json=CHECK).status_code
            except httpx.TransportError as error:
                outcome["error"] = type(error).__name__

        thread = threading.Thread(target=send)
        thread.start()
        while stepped.admin("GET", "faults")["faults"][0]["state"] != "holding":
            pass
        return fault, thread, client, outcome

    return hold


def last_write(emulator):
    return emulator.admin("GET", "requests?writes=true")["requests"][-1]


def test_a_write_held_before_is_not_done_until_released(stepped, held):
    fault, thread, client, outcome = held("before")
    shown = stepped.admin("GET", "faults")["faults"][0]
    assert shown["request"]["method"] == "compute.healthChecks.insert"
    stepped.ask("GET", "global/healthChecks/check", status=404)
    assert stepped.admin("DELETE", f"faults/{fault['id']}")["state"] in {"released", "done"}
    thread.join()
    client.close()
    assert outcome == {"status": 200}
    assert stepped.ask("GET", "global/healthChecks/check")["name"] == "check"


def test_a_write_held_before_whose_client_is_gone_is_dropped(stepped):
    fault = stepped.admin("POST", "faults", {"type": "hold", "nth_write": 1, "point": "before"})
    with httpx.Client(base_url=stepped.url, timeout=0.3) as client, pytest.raises(httpx.ReadTimeout):
        client.post(f"/compute/v1/projects/{stepped.project}/global/healthChecks", json=CHECK)
    stepped.admin("DELETE", f"faults/{fault['id']}")
    stepped.ask("GET", "global/healthChecks/check", status=404)
    write = last_write(stepped)
    assert (write["committed"], write["status"]) == (False, None)


def test_a_write_held_after_is_done_although_its_client_is_gone(stepped):
    stepped.admin("POST", "faults", {"type": "hold", "nth_write": 1, "point": "after"})
    with httpx.Client(base_url=stepped.url, timeout=0.3) as client, pytest.raises(httpx.ReadTimeout):
        client.post(f"/compute/v1/projects/{stepped.project}/global/healthChecks", json=CHECK)
    assert stepped.ask("GET", "global/healthChecks/check")["name"] == "check"
    assert last_write(stepped)["committed"]


def test_a_hold_counts_writes_from_when_it_was_set(stepped):
    stepped.do("POST", "global/healthChecks", {**CHECK, "name": "earlier"})
    stepped.admin("POST", "faults", {"type": "hold", "nth_write": 2, "point": "before"})
    stepped.ask("GET", "global/healthChecks/earlier")
    stepped.do("POST", "global/healthChecks", {**CHECK, "name": "first"})
    with httpx.Client(base_url=stepped.url, timeout=0.3) as client, pytest.raises(httpx.ReadTimeout):
        client.post(f"/compute/v1/projects/{stepped.project}/global/healthChecks", json=CHECK)


def test_a_lost_response_is_committed_and_its_connection_cut(stepped):
    stepped.admin("POST", "faults", {"type": "lost_response", "method": "compute.healthChecks.insert", "times": 1})
    with pytest.raises(httpx.TransportError):
        stepped.http.post(f"/compute/v1/projects/{stepped.project}/global/healthChecks", json=CHECK)
    assert stepped.ask("GET", "global/healthChecks/check")["name"] == "check"
    assert last_write(stepped)["committed"]
    stepped.do("POST", "global/healthChecks", {**CHECK, "name": "second"})


def test_an_error_fault_strikes_its_method_so_many_times(stepped):
    stepped.admin("POST", "faults", {"type": "error", "method": "compute.healthChecks.insert", "status": 503, "times": 2})
    for _ in range(2):
        answer = stepped.ask("POST", "global/healthChecks", CHECK, status=503)["error"]
        assert answer["errors"][0]["reason"] == "backendError"
    stepped.ask("GET", "global/healthChecks/check", status=404)
    stepped.do("POST", "global/healthChecks", CHECK)


def test_a_rate_limit_is_a_403_as_compute_has_it(stepped):
    stepped.admin("POST", "faults", {"type": "api_rate_limit", "times": 1})
    answer = stepped.ask("GET", "global/networks", status=403)["error"]
    assert answer["errors"][0]["reason"] == "rateLimitExceeded"
    stepped.ask("GET", "global/networks")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"type": "earthquake"}, "fault type 'earthquake' is not one of hold, error, latency, stock, lost_response"),
        ({"type": "hold", "point": "before"}, "'nth_write' is missing"),
        ({"type": "hold", "nth_write": 0, "point": "before"}, "nth_write >= 1"),
        ({"type": "error", "method": "compute.networks.insert", "status": "bad"}, "error.status is 'bad'; expected int"),
        ({"type": "latency", "seconds": 1, "colour": "red"}, "has no field 'colour'"),
        ({"type": "unhealthy"}, "needs instance or group"),
        ({"type": "price", "sku": "gold", "factor": 2}, "'gold' is no SKU"),
    ],
)
def test_a_bad_fault_is_refused_with_what_would_do(stepped, fault, says):
    assert says in stepped.admin("POST", "faults", fault, status=400)["error"]
    assert stepped.admin("GET", "faults")["faults"] == []
