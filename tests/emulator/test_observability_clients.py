"""Clients that are not ours against Logging and Monitoring: googleapiclient from its discovery documents, and gcloud where it is installed."""

import json
import os
import shutil
import subprocess
from urllib.parse import urlsplit

import httplib2
import pytest
from discovery_schemas import check, document
from googleapiclient import discovery
from googleapiclient.errors import HttpError


class CheckedHttp(httplib2.Http):
    def request(self, uri, method="GET", **options):
        response, content = super().request(uri, method=method, **options)
        check(method, urlsplit(uri).path, response.status, content.decode())
        return response, content


@pytest.fixture
def service(stepped):
    opened = []

    def build(name, version):
        content = {**document(name, version), "rootUrl": f"{stepped.url}/"}
        opened.append(discovery.build_from_document(json.dumps(content), http=CheckedHttp()))
        return opened[-1].projects()

    yield build
    for each in opened:
        each.close()


def test_googleapiclient_keeps_reads_and_undeletes_a_log_bucket(service, stepped):
    buckets = service("logging", "v2").locations().buckets()
    parent = f"projects/{stepped.project}/locations/global"
    name = buckets.create(parent=parent, bucketId="theirs", body={"retentionDays": 10}).execute()["name"]
    assert buckets.patch(name=name, updateMask="retentionDays", body={"retentionDays": 20}).execute()["retentionDays"] == 20
    buckets.delete(name=name).execute()
    assert buckets.get(name=name).execute()["lifecycleState"] == "DELETE_REQUESTED"
    with pytest.raises(HttpError, match="ACTIVE state"):
        buckets.patch(name=name, updateMask="retentionDays", body={"retentionDays": 30}).execute()
    buckets.undelete(name=name, body={}).execute()
    assert name in [each["name"] for each in buckets.list(parent=parent).execute()["buckets"]]


def test_googleapiclient_writes_and_reads_a_series_and_an_alert_policy(service, stepped):
    project, name = service("monitoring", "v3"), f"projects/{stepped.project}"
    metric = "custom.googleapis.com/theirs/count"
    descriptors = project.metricDescriptors()
    descriptors.create(name=name, body={"type": metric, "metricKind": "GAUGE", "valueType": "INT64"}).execute()
    stepped.advance(10)
    point = {"interval": {"endTime": stepped.now()}, "value": {"int64Value": "7"}}
    body = {"timeSeries": [{"metric": {"type": metric}, "resource": {"type": "global"}, "points": [point]}]}
    project.timeSeries().create(name=name, body=body).execute()
    read = project.timeSeries().list(
        name=name,
        filter=f'metric.type="{metric}"',
        interval_endTime=stepped.now(),
        interval_startTime="2026-09-01T00:00:00Z",
        aggregation_alignmentPeriod="3600s",
        aggregation_perSeriesAligner="ALIGN_MAX",
        aggregation_crossSeriesReducer="REDUCE_SUM",
        aggregation_groupByFields=["resource.label.project_id"],
    )
    (series,) = read.execute()["timeSeries"]
    assert series["points"][0]["value"] == {"int64Value": "7"}
    condition = {"displayName": "many", "conditionThreshold": {"filter": f'metric.type="{metric}"', "comparison": "COMPARISON_GT"}}
    policies = project.alertPolicies()
    policy = policies.create(name=name, body={"displayName": "many", "combiner": "OR", "conditions": [condition]}).execute()
    patched = policies.patch(name=policy["name"], updateMask="display_name", body={"displayName": "too many"}).execute()
    assert (patched["displayName"], patched["conditions"][0]["name"]) == ("too many", policy["conditions"][0]["name"])
    policies.delete(name=policy["name"]).execute()
    with pytest.raises(HttpError, match="was not found"):
        policies.get(name=policy["name"]).execute()


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed here")
def test_gcloud_reads_the_log_and_lists_the_policies(scaled, tmp_path):
    entries = [{"jsonPayload": {"run": number}, "severity": "NOTICE"} for number in range(3)]
    log = f"projects/{scaled.project}/logs/ledger"
    scaled.ask("POST", "/v2/entries:write", {"logName": log, "resource": {"type": "global"}, "entries": entries})
    environment = {
        **os.environ,
        "CLOUDSDK_CONFIG": str(tmp_path),
        "CLOUDSDK_CORE_PROJECT": scaled.project,
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "true",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING": f"{scaled.url}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING": f"{scaled.url}/",
    }

    def gcloud(*words):
        run = subprocess.run(["gcloud", *words, "--format=json"], capture_output=True, text=True, timeout=120, env=environment)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    found = gcloud("logging", "read", f'logName="{log}" severity>=NOTICE', "--freshness=1000d")
    assert sorted(entry["jsonPayload"]["run"] for entry in found) == [0, 1, 2]
    assert {bucket["name"].rpartition("/")[2] for bucket in gcloud("logging", "buckets", "list")} == {"_Default", "_Required"}
    assert gcloud("alpha", "monitoring", "policies", "list") == []
    assert gcloud("monitoring", "dashboards", "list") == []
