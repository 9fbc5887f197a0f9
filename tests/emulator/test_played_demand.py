"""Demand played in: the load balancer's series go on with the clock, served as far as healthy VMs can, the rest refused."""

from datetime import datetime, timedelta

import pytest

PROJECT = "/v3/projects/test-project"
LB = "loadbalancing.googleapis.com/https/"
CODE = "metric.label.response_code"


def later(text, minutes):
    return (datetime.fromisoformat(text) + timedelta(minutes=minutes)).isoformat()


def whole_minute(emulator):
    """The next whole minute, and that it is now."""
    emulator.advance(-datetime.fromisoformat(emulator.now()).timestamp() % 60)
    return emulator.now()


def read(emulator, text, start, end, **aggregation):
    parameters = {"filter": text, "interval.startTime": start, "interval.endTime": end}
    parameters |= {f"aggregation.{key}": value for key, value in aggregation.items()}
    answer = emulator.http.get(f"{PROJECT}/timeSeries", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json().get("timeSeries", [])


def by_code(emulator, start, minutes):
    """Requests by response code in the minutes that begin at `start`."""
    how = {
        "alignmentPeriod": f"{60 * minutes}s",
        "perSeriesAligner": "ALIGN_DELTA",
        "crossSeriesReducer": "REDUCE_SUM",
        "groupByFields": CODE,
    }
    found = read(emulator, f'metric.type="{LB}request_count"', start, later(start, minutes), **how)
    return {each["metric"]["labels"]["response_code"]: int(each["points"][0]["value"]["int64Value"]) for each in found}


@pytest.fixture
def balanced(stepped):
    """One group of one VM, four chips, behind a forwarding rule; its VM is not healthy yet."""
    stepped.network()
    stepped.template()
    stepped.health_check()
    group = stepped.group(1)
    stepped.front(stepped.backend_service(group))
    whole_minute(stepped)
    return stepped, group


def play(emulator, since, requests, **more):
    trace = {"since": since, "bin_minutes": 10, "requests": requests, "requests_per_chip_minute": 5, **more}
    return emulator.admin("PUT", "traffic", {"rule": trace})["traffic"]["rule"]


def test_it_is_served_up_to_what_is_healthy_and_the_rest_is_refused(balanced):
    emulator, group = balanced
    now = emulator.now()
    play(emulator, later(now, -20), [100, 200, 300, 300, 100])
    assert by_code(emulator, later(now, -20), 20) == {"200": 300}, "history was served"
    assert by_code(emulator, now, 10) == {}, "what is to come is not told"
    emulator.advance(60 * 30)
    ready = 9  # boot, container, model and two probes after the group was made, counted from `now`
    first = by_code(emulator, now, 1)
    assert first == {"502": 30}, "nothing is healthy yet"
    assert by_code(emulator, later(now, ready), 11) == {"200": 11 * 20, "503": 11 * 10}, "four chips at five a minute"
    assert by_code(emulator, later(now, 20), 10) == {"200": 100}
    emulator.do("POST", f"{group}/resize?size=2")
    emulator.advance(60 * 20)
    begun = whole_minute(emulator)
    play(emulator, begun, [350])
    emulator.advance(60 * 10)
    assert by_code(emulator, begun, 10) == {"200": 350}, "eight chips"


def test_latencies_and_utilization_are_those_of_the_requests(balanced):
    emulator, _ = balanced
    emulator.advance(60 * 15)
    begun = emulator.now()
    play(emulator, begun, [100, 400])
    emulator.advance(60 * 20)

    def mean(metric, start):
        (series,) = read(emulator, f'metric.type="{LB}{metric}" AND metric.labels.response_code_class="200"', start, later(start, 10))
        values = [point["value"]["distributionValue"]["mean"] for point in series["points"]]
        assert len(values) == 10
        return values[0]

    calm, full = (mean("backend_latencies", later(begun, at)) for at in (0, 10))
    assert calm == pytest.approx(150 + 64 / (1500 / 8) * 1000)
    assert full == pytest.approx(3 * calm), "a queue of two rounds"
    assert mean("total_latencies", begun) == calm
    busy = 'metric.type="tpu.googleapis.com/accelerator/tensorcore_utilization"'
    (used,) = read(emulator, busy, begun, later(begun, 20))
    assert [round(point["value"]["doubleValue"]) for point in used["points"]] == [100] * 10 + [50] * 10  # newest first


def test_it_goes_where_there_is_room_and_nowhere_without_a_rule(stepped):
    stepped.network()
    stepped.template()
    stepped.health_check()
    small = stepped.backend_service(stepped.group(1, name="small"), name="small")
    large = stepped.backend_service(stepped.group(3, name="large"), name="large")
    matcher = {"name": "m", "defaultService": small, "pathRules": [{"paths": ["/large/*"], "service": large}]}
    begun = later(whole_minute(stepped), -60)
    shown = play(stepped, begun, [10], paths=["/v1/predict", "/large/predict"])
    assert shown["steps"] == []
    assert by_code(stepped, begun, 10) == {}, "there is no rule yet that could have told"
    stepped.front(small, hostRules=[{"hosts": ["*"], "pathMatcher": "m"}], pathMatchers=[matcher])
    stepped.advance(60 * 15)
    assert by_code(stepped, begun, 10) == {"200": 10}
    begun = whole_minute(stepped)
    shown = play(stepped, begun, [600], paths=["/v1/predict", "/large/predict"], requests_per_chip_minute={"small": 5, "large": 4})
    assert shown["steps"][-1]["per_minute"] == {"small": 20, "large": 48}
    stepped.advance(60 * 10)
    grouped = {"alignmentPeriod": "600s", "perSeriesAligner": "ALIGN_DELTA", "crossSeriesReducer": "REDUCE_SUM"}
    grouped["groupByFields"] = "resource.label.backend_target_name"
    found = read(stepped, f'metric.type="{LB}request_count"', begun, later(begun, 10), **grouped)
    went = {each["resource"]["labels"]["backend_target_name"]: int(each["points"][0]["value"]["int64Value"]) for each in found}
    assert went == {"small": 170, "large": 430}, "sixty a minute, twenty to forty-eight; a minute's fractions go to the last"
    stepped.admin("PUT", "traffic", {"rule": None})
    assert by_code(stepped, begun, 10) == {}


def test_it_survives_a_restart(start_emulator, tmp_path):
    arguments = ["--clock", "stepped", "--state", str(tmp_path / "state")]
    first = start_emulator(*arguments)
    first.enable("compute")
    first.network()
    first.template()
    first.health_check()
    first.front(first.backend_service(first.group(1)))
    first.advance(60 * 15)
    begun = whole_minute(first)
    play(first, begun, [300])
    first.advance(60 * 5)
    before = by_code(first, begun, 5)
    assert before == {"200": 100, "503": 50}
    first.end(9)
    again = start_emulator(*arguments)
    again.advance(60 * 5)
    assert by_code(again, begun, 5) == before
    assert by_code(again, begun, 10) == {"200": 200, "503": 100}
    shown = again.admin("GET", "traffic")["traffic"]["rule"]
    assert (shown["served"], shown["refused"]) == (200, 100)


@pytest.mark.parametrize(
    ("trace", "told"),
    [
        ({"since": "yesterday"}, "rule: give"),
        ({"since": "2026-09-01T00:00:30Z"}, "since is a whole minute"),
        ({"requests": []}, "paths names at least one"),
        ({"requests": [-1]}, r"0 or more each"),
        ({"speed": 2}, "there is no speed"),
    ],
)
def test_what_cannot_be_played_says_what_would_do(stepped, trace, told):
    body = {"rule": {"since": "2026-09-01T00:00:00Z", "bin_minutes": 10, "requests": [1], **trace}}
    assert told in stepped.admin("PUT", "traffic", body, status=400)["error"]
