"""The emulator answers recorded Cloud Storage, Pub/Sub, Cloud Billing, Budgets and Scheduler traffic: every exchange is matched, or listed."""

import json
import re
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from google.cloud.billing import budgets_v1
from recorded_shapes import shape_differences

RECORDED = Path(__file__).parents[1] / "data" / "recorded" / "storage-pubsub-billing-scheduler.jsonl"
PROJECT, NUMBER = "example-project", "123456789012"
NAMES = {
    "projectId": PROJECT, "projectNumber": NUMBER, "uniqueId": "abc123", "billingAccountID": "012345-6789AB-CDEF01",
    "billingAccountId": "012345-6789AB-CDEF01", "billingAccountBudgetId": "any",
}  # fmt: skip
ENUMS = {
    "calendarPeriod": budgets_v1.CalendarPeriod,
    "creditTypesTreatment": budgets_v1.Filter.CreditTypesTreatment,
    "spendBasis": budgets_v1.ThresholdRule.Basis,
}
BLANKED = "fake error message"
MAY_TAKE = 10  # seconds a read may lag behind a write: polls are in the recordings, their times are not
NOT_EMULATED = {("storage/v1beta1/storagebucket/storagebucketsoftdelete", 5): "folders of a bucket, which another test had made there"}


def exchanges():
    lines = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    return {log: list(group) for log, group in groupby(lines, key=lambda each: each["log"])}


def filled(value):
    """A recorded value with its placeholders filled in, enumerations by name and the blanked project as ours."""
    text = re.sub(r"\$\{(\w+)\}", lambda match: NAMES[match[1]], json.dumps(value).replace("project-1-${uniqueId}", PROJECT))
    return named(json.loads(text))


def named(value):
    if isinstance(value, list):
        return [named(each) for each in value]
    if isinstance(value, dict):
        out = {key: ENUMS[key](each).name if key in ENUMS else named(each) for key, each in value.items()}
        return {**out, "projects": [f"projects/{PROJECT}"]} if out.get("projects") == [""] else out
    return value


@pytest.fixture(scope="module")
def cloud(start_emulator):
    emulator = start_emulator("--clock", "stepped", project=PROJECT)
    emulator.enable("pubsub", "cloudbilling", "billingbudgets", "cloudscheduler")
    return emulator


def answer(cloud, each):
    url = urlsplit(filled(each["url"]))
    path = f"{url.path}?{url.query}"
    return cloud.http.request(each["method"], path, json=filled(each["body"]) if each["body"] is not None else None)


def differences(cloud, each):
    found = answer(cloud, each)
    if found.status_code != each["status"]:
        return [f"status {each['status']} recorded, {found.status_code} here: {found.text[:200]}"]
    if each["response"] in (None, BLANKED):
        return [] if each["response"] == BLANKED or not found.text else [f"no body recorded, {found.text[:200]} here"]
    recorded = filled(each["response"])
    if each["status"] >= 400:
        return [] if recorded == found.json() else [f"{recorded} recorded, {found.json()} here"]
    return list(shape_differences(recorded, found.json()))


def replayed(cloud, each):
    """Differences of one exchange; a read is asked again for a while, as its recorder did."""
    wrong = differences(cloud, each)
    for _ in range(MAY_TAKE if each["method"] == "GET" else 0):
        if not wrong:
            break
        cloud.advance(1)
        wrong = differences(cloud, each)
    return wrong


def test_every_recorded_exchange_is_matched_or_listed(cloud, capsys):
    cloud.ask("PUT", f"/v1/projects/{PROJECT}/topics/pubsubtopic-2228w5hqy9utr", {})  # the job's, made before the recording
    matched, total, wrong = 0, 0, []
    for log, listed in exchanges().items():
        for each in listed:
            if (log, each["n"]) in NOT_EMULATED:
                continue
            total += 1
            found = replayed(cloud, each)
            matched += not found
            wrong += [f"{log} {each['n']} {each['method']} {each['url']}: {difference}" for difference in found]
    with capsys.disabled():
        print(
            f"\nrecorded storage, pubsub, billing, budgets, scheduler: {matched} / {total} exchanges match; {len(NOT_EMULATED)} listed as not emulated"
        )
    assert not wrong, "\n".join(wrong)
    assert total + len(NOT_EMULATED) == len(RECORDED.read_text().splitlines())
