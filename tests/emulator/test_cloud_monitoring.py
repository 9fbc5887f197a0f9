"""Cloud Monitoring: descriptors come and go late, series are read as they were written, what does not fit is refused, alarms open and close."""

from datetime import datetime, timedelta

import httpx
import pytest

PROJECT = "/v3/projects/test-project"
METRIC = "custom.googleapis.com/ironwood/hourly"
REQUESTS = "loadbalancing.googleapis.com/https/request_count"
LATENCY = "loadbalancing.googleapis.com/https/total_latencies"
UTILIZATION = "tpu.googleapis.com/accelerator/tensorcore_utilization"


def later(text, seconds):
    return (datetime.fromisoformat(text) + timedelta(seconds=seconds)).isoformat()


def write(emulator, value, metric=METRIC, status=200, **labels):
    point = {"interval": {"endTime": emulator.now()}, "value": value}
    series = {"metric": {"type": metric, "labels": labels}, "resource": {"type": "global"}, "points": [point]}
    return emulator.ask("POST", f"{PROJECT}/timeSeries", {"timeSeries": [series]}, status=status)


def read(emulator, text, seconds=3600, status=200, **aggregation):
    now = emulator.now()
    parameters = {"filter": text, "interval.startTime": later(now, -seconds), "interval.endTime": now}
    parameters |= {f"aggregation.{key}": value for key, value in aggregation.items()}
    answer = emulator.http.get(f"{PROJECT}/timeSeries", params=parameters)
    assert answer.status_code == status, answer.text
    return answer.json() if status >= 400 else answer.json().get("timeSeries", [])


def values(series):
    return [next(iter(point["value"].values())) for point in series["points"]]


def a_descriptor(emulator, **fields):
    body = {"type": METRIC, "metricKind": "GAUGE", "valueType": "DOUBLE", "unit": "{USD}/h", "labels": [{"key": "tier"}], **fields}
    made = emulator.ask("POST", f"{PROJECT}/metricDescriptors", body)
    emulator.advance(10)
    return made


def a_policy(emulator, text, *, above=None, below=None, minutes=0, channel=None, status=200, aggregation=None, **threshold):
    aggregation = {"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_MEAN", **(aggregation or {})}
    condition = {
        "filter": text,
        "aggregations": [aggregation],
        "comparison": "COMPARISON_GT" if below is None else "COMPARISON_LT",
        "thresholdValue": above if below is None else below,
        "duration": f"{60 * minutes}s",
        **threshold,
    }
    body = {
        "displayName": "alarm",
        "combiner": "OR",
        "conditions": [{"displayName": "it is so", "conditionThreshold": condition}],
        "notificationChannels": [channel] if channel else [],
    }
    return emulator.ask("POST", f"{PROJECT}/alertPolicies", body, status=status)


def a_channel(emulator):
    body = {"type": "email", "displayName": "on call", "labels": {"email_address": "oncall@example.com"}}
    return emulator.ask("POST", f"{PROJECT}/notificationChannels", body)["name"]


def open_incidents(emulator):
    return [each for each in emulator.admin("GET", "incidents")["incidents"] if each["closed"] is None]


def notified(emulator):
    return [(each["event"], each["to"]) for each in emulator.admin("GET", "notifications")["notifications"]]


def test_a_descriptor_is_seen_late_and_gone_late(stepped):
    path = f"{PROJECT}/metricDescriptors/{METRIC}"
    stepped.ask("POST", f"{PROJECT}/metricDescriptors", {"type": METRIC, "metricKind": "GAUGE", "valueType": "DOUBLE"})
    error = stepped.ask("GET", path, status=404)["error"]
    assert error["message"] == f"Could not find descriptor for metric '{METRIC}'."
    stepped.advance(10)
    assert stepped.ask("GET", path)["valueType"] == "DOUBLE"
    stepped.ask("DELETE", path)
    assert stepped.ask("GET", path)["type"] == METRIC
    stepped.advance(10)
    stepped.ask("GET", path, status=404)


def test_a_live_writer_makes_a_deleted_descriptor_anew(stepped):
    a_descriptor(stepped, description="ours")
    write(stepped, {"doubleValue": 1.0})
    stepped.ask("DELETE", f"{PROJECT}/metricDescriptors/{METRIC}")
    stepped.advance(10)
    write(stepped, {"doubleValue": 2.0})
    stepped.advance(10)
    found = stepped.http.get(f"{PROJECT}/metricDescriptors", params={"filter": 'metric.type=starts_with("custom.")'}).json()
    assert [each.get("description", "") for each in found["metricDescriptors"]] == [""]
    assert values(read(stepped, f'metric.type="{METRIC}"')[0]) == [2.0]


def test_points_come_in_order_not_too_fast_and_of_the_type_they_have(stepped):
    a_descriptor(stepped)
    write(stepped, {"doubleValue": 1.0}, tier="small")
    assert "in order" in write(stepped, {"doubleValue": 1.0}, tier="small", status=400)["error"]["message"]
    stepped.advance(3)
    assert "more frequently" in write(stepped, {"doubleValue": 1.0}, tier="small", status=400)["error"]["message"]
    write(stepped, {"doubleValue": 7.0}, tier="medium")
    assert "as its descriptor says" in write(stepped, {"int64Value": "1"}, tier="large", status=400)["error"]["message"]
    write(stepped, {"doubleValue": 1.0}, metric="loadbalancing.googleapis.com/https/request_count", status=400)
    stepped.advance(60)
    write(stepped, {"doubleValue": 3.0}, tier="small")
    text = f'metric.type="{METRIC}"'
    assert values(read(stepped, f'{text} AND metric.labels.tier="small"')[0]) == [3.0, 1.0]
    (total,) = read(stepped, text, alignmentPeriod="3600s", perSeriesAligner="ALIGN_NEXT_OLDER", crossSeriesReducer="REDUCE_SUM")
    assert values(total) == [10.0]
    by_tier = {
        "alignmentPeriod": "3600s",
        "perSeriesAligner": "ALIGN_MEAN",
        "crossSeriesReducer": "REDUCE_MAX",
        "groupByFields": ["metric.label.tier"],
    }
    assert {each["metric"]["labels"]["tier"]: values(each) for each in read(stepped, text, **by_tier)} == {"small": [2.0], "medium": [7.0]}


@pytest.mark.parametrize(
    ("text", "aggregation", "why"),
    [
        ('resource.type="global"', {}, 'must specify a restriction on "metric.type"'),
        (f'metric.type="{METRIC}" OR metric.type="x"', {}, "cannot be understood at"),
        (f'metric.type="{METRIC}" AND colour="red"', {}, "cannot be understood at"),
        (
            f'metric.type="{METRIC}"',
            {"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_DELTA"},
            "cannot be applied to metrics with kind GAUGE",
        ),
        (f'metric.type="{METRIC}"', {"alignmentPeriod": "30s", "perSeriesAligner": "ALIGN_MEAN"}, "at least 60 seconds"),
        (f'metric.type="{METRIC}"', {"crossSeriesReducer": "REDUCE_SUM"}, "must be specified when"),
    ],
)
def test_what_cannot_be_read_is_refused_and_says_why(stepped, text, aggregation, why):
    a_descriptor(stepped)
    write(stepped, {"doubleValue": 1.0})
    error = read(stepped, text, status=400, **aggregation)["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert why in error["message"]


def test_a_metric_that_does_not_exist_is_not_found_by_readers_and_policies(stepped):
    unknown = 'metric.type="custom.googleapis.com/none"'
    for error in (read(stepped, unknown, status=404), a_policy(stepped, unknown, above=1, status=404)):
        assert 'Cannot find metric(s) that match type = "custom.googleapis.com/none".' in error["error"]["message"]
    a_policy(stepped, 'resource.type="global"', above=1, status=400)
    wrong = {"perSeriesAligner": "ALIGN_RATE"}
    error = a_policy(stepped, f'metric.type="{LATENCY}" resource.type="https_lb_rule"', above=1, status=400, aggregation=wrong)["error"]
    assert "The aligner cannot be applied to metrics with kind DELTA and value type DISTRIBUTION." in error["message"]


def test_a_channel_in_use_is_deleted_only_by_force(stepped):
    a_descriptor(stepped)
    channel = a_channel(stepped)
    policy = a_policy(stepped, f'metric.type="{METRIC}"', above=10, channel=channel)
    assert stepped.ask("DELETE", f"/v3/{channel}?force=false", status=400)["error"]["status"] == "FAILED_PRECONDITION"
    stepped.ask("DELETE", f"/v3/{channel}?force=true")
    assert "notificationChannels" not in {key for key, value in stepped.ask("GET", f"/v3/{policy['name']}").items() if value}
    stepped.ask("DELETE", f"/v3/{policy['name']}")


def test_an_incident_opens_after_the_duration_and_closes_when_it_is_over(stepped):
    a_descriptor(stepped)
    channel = a_channel(stepped)
    a_policy(stepped, f'metric.type="{METRIC}"', above=10, minutes=2, channel=channel)
    opened = []
    for value in (5, 20, 20, 20, 5):  # each seen at the next whole minute
        write(stepped, {"doubleValue": value}, tier="small")
        stepped.advance(60)
        opened.append(len(open_incidents(stepped)))
    assert opened == [0, 0, 0, 1, 0]
    assert notified(stepped) == [("opened", "oncall@example.com"), ("closed", "oncall@example.com")]
    (incident,) = stepped.admin("GET", "incidents")["incidents"]
    assert incident["labels"]["metric"] == {"tier": "small"}
    assert incident["closed"] > incident["opened"]


def test_without_data_an_incident_stays_unless_the_condition_says_otherwise(stepped):
    a_descriptor(stepped)
    a_policy(stepped, f'metric.type="{METRIC}"', above=10)
    inactive = {"evaluationMissingData": "EVALUATION_MISSING_DATA_INACTIVE"}
    error = a_policy(stepped, f'metric.type="{METRIC}"', above=11, status=400, **inactive)["error"]
    assert "needs a duration of at least 60 seconds" in error["message"]
    a_policy(stepped, f'metric.type="{METRIC}"', above=11, minutes=1, **inactive)
    for _ in range(2):
        write(stepped, {"doubleValue": 20})
        stepped.advance(60)
    assert {each["threshold"] for each in open_incidents(stepped)} == {10, 11}
    stepped.advance(180)
    assert {each["threshold"] for each in open_incidents(stepped)} == {10}
    stepped.advance(7 * 86_400)
    assert open_incidents(stepped) == []


@pytest.fixture
def serving(stepped):
    """Two TPU VMs behind a load balancer, healthy; answers the emulator and the URL."""
    stepped.network()
    stepped.template()
    stepped.health_check()
    manager = stepped.group(2)
    service = stepped.backend_service(manager, timeoutSec=30)
    url = stepped.front(service)
    stepped.advance(600)
    return stepped, url


def test_what_the_load_balancer_did_can_be_read_by_code_and_as_a_percentile(serving):
    emulator, url = serving
    question = {"instances": [{"text": "hello"}]}
    took = []
    for _ in range(12):
        began = datetime.fromisoformat(emulator.now())
        assert httpx.post(f"{url}/v1/predict", json=question).status_code == 200
        took.append((datetime.fromisoformat(emulator.now()) - began).total_seconds() * 1000)
    assert httpx.get(f"{url}/nowhere").status_code == 404
    emulator.advance(60)
    sums = {"alignmentPeriod": "3600s", "perSeriesAligner": "ALIGN_DELTA", "crossSeriesReducer": "REDUCE_SUM"}
    by_class = read(
        emulator, f'metric.type="{REQUESTS}"', **sums, groupByFields=["metric.label.response_code_class", "resource.label.backend_name"]
    )
    labels = [
        (each["metric"]["labels"]["response_code_class"], each["resource"]["labels"]["backend_name"], *values(each)) for each in by_class
    ]
    assert sorted(labels) == [("200", "group", "12"), ("400", "group", "1")]
    p95 = {"alignmentPeriod": "3600s", "perSeriesAligner": "ALIGN_PERCENTILE_95"}
    text = f'metric.type="{LATENCY}" AND metric.labels.response_code_class="200"'
    (latency,) = read(emulator, text, **p95)
    assert values(latency)[0] == pytest.approx(sorted(took)[11], rel=0.06)
    (histogram,) = read(emulator, text)
    total = histogram["points"][0]["value"]["distributionValue"]
    assert int(total["count"]) == sum(map(int, total["bucketCounts"]))


def test_a_tpu_is_as_busy_as_its_server_and_a_group_as_large_as_its_vms(serving):
    emulator, url = serving
    text = f'metric.type="{UTILIZATION}"'
    assert {value for each in read(emulator, text, seconds=120) for value in values(each)} == {0.0}
    for _ in range(5):
        httpx.post(f"{url}/v1/predict", json={"instances": [{"text": "x"}], "parameters": {"max_tokens": 4000}}, timeout=60)
    emulator.advance(60)
    assert max(max(values(each)) for each in read(emulator, text, seconds=600)) > 0
    (size,) = read(emulator, 'metric.type="compute.googleapis.com/instance_group/size"', seconds=60)
    assert (values(size), size["resource"]["labels"]["instance_group_name"]) == (["2"], "group")
    emulator.do("POST", "zones/us-central1-c/instanceGroupManagers/group/resize?size=0")
    emulator.advance(240)
    sizes = read(emulator, 'metric.type="compute.googleapis.com/instance_group/size"', seconds=360)
    assert (values(sizes[0])[0], values(sizes[0])[-1]) == ("0", "2")


def test_an_uptime_check_asks_and_tells_when_nobody_answers(serving):
    emulator, _ = serving
    (rule,) = emulator.ask("GET", "global/forwardingRules")["items"]
    body = {
        "displayName": "Front door",
        "monitoredResource": {"type": "uptime_url", "labels": {"host": rule["IPAddress"]}},
        "httpCheck": {"path": "/health", "port": 8080, "requestMethod": "GET"},
        "period": "60s",
        "timeout": "5s",
    }
    made = emulator.ask("POST", f"{PROJECT}/uptimeCheckConfigs", body)
    assert made["checkerType"] == "STATIC_IP_CHECKERS"
    passed = {"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_FRACTION_TRUE", "crossSeriesReducer": "REDUCE_MEAN"}
    text = 'metric.type="monitoring.googleapis.com/uptime_check/check_passed"'
    emulator.advance(61)
    assert values(read(emulator, text, seconds=60, **passed)[0]) == [1.0]
    emulator.admin("POST", "faults", {"type": "unhealthy", "group": "group"})
    emulator.advance(120)
    assert values(read(emulator, text, seconds=60, **passed)[0]) == [0.0]
    elsewhere = {**body, "httpCheck": {"port": 8080, "path": "/"}, "period": "7s"}
    emulator.ask("POST", f"{PROJECT}/uptimeCheckConfigs", elsewhere, status=400)


def test_a_dashboard_is_kept_as_given_with_what_google_fills_in(stepped):
    chart = {"dataSets": [{"timeSeriesQuery": {"timeSeriesFilter": {"filter": f'metric.type="{METRIC}"'}}}]}
    body = {
        "name": "projects/test-project/dashboards/ours",
        "displayName": "ours",
        "labels": {"ironwood-profile": "prod"},
        "gridLayout": {"columns": "2", "widgets": [{"title": "cost", "xyChart": chart}, {"text": {"content": "hello"}}]},
    }
    made = stepped.ask("POST", "/v1/projects/test-project/dashboards", body)
    assert made["name"] == "projects/123456789012/dashboards/ours"
    assert made["gridLayout"]["widgets"][0]["xyChart"]["dataSets"][0]["targetAxis"] == "Y1"
    stepped.ask("POST", "/v1/projects/test-project/dashboards", body, status=409)
    stepped.ask("PATCH", "/v1/projects/test-project/dashboards/ours", {**body, "etag": "AAAAAAAAAAA="}, status=409)
    assert stepped.ask("PATCH", "/v1/projects/test-project/dashboards/ours", {**body, "displayName": "new"})["displayName"] == "new"
    stepped.ask("DELETE", "/v1/projects/test-project/dashboards/ours")
    assert (
        stepped.ask("GET", "/v1/projects/test-project/dashboards/ours", status=404)["error"]["message"] == "Requested entity was not found."
    )


def test_an_alert_condition_bills_while_its_policy_is_there(stepped):
    policy = a_policy(stepped, f'metric.type="{UTILIZATION}"', below=30)
    stepped.advance(730 * 3600)
    stepped.ask("DELETE", f"/v3/{policy['name']}")
    stepped.advance(3600)
    (line,) = stepped.admin("GET", "bill")["lines"]
    assert (line["sku"], round(float(line["amount_usd"]), 4), line["seconds"]) == ("alerting.condition", 1.5, 730 * 3600)
