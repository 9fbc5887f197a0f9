"""Cloud Logging: buckets that wait for their deletion, sinks that route, filters that are understood or refused, metrics that count."""

import pytest

PROJECT = "/v2/projects/test-project"
BUCKETS = f"{PROJECT}/locations/global/buckets"
LOG = "projects/test-project/logs/ledger"


@pytest.fixture
def ledger(stepped):
    """A bucket, and the sink that routes one log there."""
    stepped.ask("POST", f"{BUCKETS}?bucketId=ledger", {"description": "ours", "retentionDays": 400})
    destination = "logging.googleapis.com/projects/test-project/locations/global/buckets/ledger"
    stepped.ask("POST", f"{PROJECT}/sinks", {"name": "to-ledger", "destination": destination, "filter": f'logName="{LOG}"'})
    return stepped


def write(emulator, *payloads, log=LOG, **fields):
    entries = [{"jsonPayload": payload, **fields} for payload in payloads]
    emulator.ask("POST", "/v2/entries:write", {"logName": log, "resource": {"type": "global"}, "entries": entries})
    emulator.advance(5)


def read(emulator, text="", bucket="ledger", status=200, **fields):
    view = f"projects/test-project/locations/global/buckets/{bucket}/views/_AllLogs"
    answer = emulator.ask("POST", "/v2/entries:list", {"resourceNames": [view], "filter": text, **fields}, status=status)
    return answer if status >= 400 else [entry["jsonPayload"] for entry in answer.get("entries", [])]


def test_a_deleted_bucket_waits_seven_days_and_its_name_with_it(ledger):
    ledger.ask("DELETE", f"{BUCKETS}/ledger")
    assert ledger.ask("GET", f"{BUCKETS}/ledger")["lifecycleState"] == "DELETE_REQUESTED"
    for method, path in (("POST", f"{BUCKETS}?bucketId=ledger"), ("PATCH", f"{BUCKETS}/ledger?updateMask=retentionDays")):
        error = ledger.ask(method, path, {"retentionDays": 30}, status=400)["error"]
        assert (error["status"], error["message"]) == ("FAILED_PRECONDITION", "Buckets must be in an ACTIVE state to be modified")
    (row,) = [each for each in ledger.admin("GET", "inventory")["resources"] if each["name"] == "ledger"]
    assert row["state"] == "PENDING_DELETION"
    ledger.ask("POST", f"{BUCKETS}/ledger:undelete", {})
    assert ledger.ask("GET", f"{BUCKETS}/ledger")["lifecycleState"] == "ACTIVE"
    ledger.ask("POST", f"{BUCKETS}/ledger:undelete", {}, status=400)
    ledger.ask("DELETE", f"{BUCKETS}/ledger")
    ledger.advance(7 * 86_400)
    ledger.ask("GET", f"{BUCKETS}/ledger", status=404)
    assert ledger.ask("POST", f"{BUCKETS}?bucketId=ledger", {})["retentionDays"] == 30


def test_the_buckets_every_project_has_cannot_be_deleted(stepped):
    names = [bucket["name"].rpartition("/")[2] for bucket in stepped.ask("GET", f"{PROJECT}/locations/-/buckets")["buckets"]]
    assert names == ["_Default", "_Required"]
    stepped.ask("DELETE", f"{BUCKETS}/_Default", status=400)
    stepped.ask("POST", f"{BUCKETS}?bucketId=long", {"retentionDays": 4000}, status=400)


def test_an_entry_goes_where_the_sinks_say_and_is_read_from_there(ledger):
    write(ledger, {"run": 1})
    write(ledger, {"run": 2}, log="projects/test-project/logs/other")
    assert read(ledger) == [{"run": 1}]
    in_default = ledger.ask("POST", "/v2/entries:list", {"resourceNames": ["projects/test-project"]})["entries"]
    assert [entry["jsonPayload"]["run"] for entry in in_default] == [1, 2]
    assert in_default[0]["resource"] == {"type": "global", "labels": {"project_id": "test-project"}}
    ledger.ask("PATCH", f"{PROJECT}/sinks/to-ledger?updateMask=filter", {"filter": 'severity>="ERROR"'})
    write(ledger, {"run": 3}, severity="CRITICAL")
    write(ledger, {"run": 4})
    assert read(ledger) == [{"run": 1}, {"run": 3}]
    ledger.ask("DELETE", f"{PROJECT}/sinks/to-ledger")
    write(ledger, {"run": 5}, severity="CRITICAL")
    assert len(read(ledger)) == 2


def test_the_same_entry_twice_is_one_and_is_read_a_little_later(ledger):
    at = ledger.now()
    body = {"logName": LOG, "resource": {"type": "global"}, "entries": [{"insertId": "a", "timestamp": at, "jsonPayload": {"run": 1}}]}
    for _ in range(2):
        ledger.ask("POST", "/v2/entries:write", body)
    assert read(ledger) == []
    ledger.advance(5)
    assert read(ledger) == [{"run": 1}]


def test_entries_are_kept_as_long_as_their_bucket_says_and_paged(ledger):
    for run in range(3):
        write(ledger, {"run": run})
    view = "projects/test-project/locations/global/buckets/ledger/views/_AllLogs"
    first = ledger.ask("POST", "/v2/entries:list", {"resourceNames": [view], "pageSize": 2, "orderBy": "timestamp desc"})
    assert [entry["jsonPayload"]["run"] for entry in first["entries"]] == [2, 1]
    rest = {"resourceNames": [view], "pageSize": 2, "orderBy": "timestamp desc", "pageToken": first["nextPageToken"]}
    assert [entry["jsonPayload"]["run"] for entry in ledger.ask("POST", "/v2/entries:list", rest)["entries"]] == [0]
    ledger.advance(401 * 86_400)
    assert read(ledger) == []


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ('jsonPayload.kind="scale"', [2]),
        ("jsonPayload.usd>10", [2, 3]),
        ('jsonPayload.kind="scale" OR jsonPayload.usd<=10', [1, 2]),
        ('NOT jsonPayload.kind="scale" jsonPayload.usd>10', [3]),
        ('-jsonPayload.kind:"CAL" AND (jsonPayload.run=1 OR jsonPayload.run=3)', [1, 3]),
        ('jsonPayload.kind=~"^(provision|tear)"', [1, 3]),
        ('jsonPayload.kind=("scale" OR "teardown")', [2, 3]),
        ('LOG_ID("ledger") severity>=INFO', [3]),
        ("jsonPayload.nothing:*", []),
        ('timestamp>="2026-09-01T00:00:00Z" resource.type="global"', [1, 2, 3]),
        ('timestamp<"2026-09-01T00:00:00Z"', []),
        ('jsonPayload.kind!="scale"\nlabels.profile="prod"', [3]),
    ],
)
def test_a_filter_that_is_understood_selects(ledger, text, runs):
    write(ledger, {"run": 1, "kind": "provision", "usd": 10}, {"run": 2, "kind": "scale", "usd": 20})
    write(ledger, {"run": 3, "kind": "teardown", "usd": 30}, severity="NOTICE", labels={"profile": "prod"})
    assert [payload["run"] for payload in read(ledger, text)] == runs


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("error", "bare words"),
        ("jsonPayload.usd>", "a value was expected"),
        ('(severity="ERROR"', "bracket is not closed"),
        ('colour="red"', "Field not found"),
        ('timestamp>"yesterday"', "no timestamp"),
        ("severity=LOUD", "no severity"),
        ('jsonPayload.kind=~"("', "no regular expression"),
    ],
)
def test_a_filter_that_is_not_understood_is_refused_and_says_why(ledger, text, why):
    error = read(ledger, text, status=400)["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert why in error["message"]


def test_a_log_based_metric_has_a_descriptor_and_refuses_what_it_cannot_count(stepped):
    body = {"name": "runs", "filter": f'logName="{LOG}"', "labelExtractors": {"kind": "EXTRACT(jsonPayload.kind)"}}
    made = stepped.ask("POST", f"{PROJECT}/metrics", body)
    assert made["metricDescriptor"]["type"] == "logging.googleapis.com/user/runs"
    stepped.ask("POST", f"{PROJECT}/metrics", body, status=409)
    stepped.ask("POST", f"{PROJECT}/metrics", {**body, "name": "b", "valueExtractor": "EXTRACT(jsonPayload.usd)"}, status=501)
    stepped.ask("DELETE", f"{PROJECT}/metrics/runs")
    stepped.ask("GET", f"{PROJECT}/metrics/runs", status=404)
