"""Analytics: a row written by a served request is read by a query; teardown leaves nothing of it, whatever has been written."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from google.cloud import bigquery

from cloud.clock import sleep
from cloud.connection import connect
from cloud.observe import observe
from flows.provision import provision
from flows.teardown import teardown
from flows.validate import validate
from ironwood.cost.estimate import estimate
from ironwood.desired import desired
from ironwood.errors import ProbeError
from running import EmbeddedCloud
from tasks.inputs import load_price_book, load_profile
from tasks.probe import QUESTION, routes


def test_a_row_written_by_a_served_request_is_read_by_a_query(flows_here: EmbeddedCloud, small_profile: Path):
    without = load_profile(str(small_profile))
    kinds = {"dataset", "dataset_writer", "table", "topic", "subscription"}
    assert not kinds & {each.kind for each in desired(without, without.baseline)}
    small_profile.write_text(small_profile.read_text() + "analytics: {enabled: true, usd_per_chip_hour: 12}\n")
    provision(str(small_profile))
    profile = load_profile(str(small_profile))
    connection = connect(profile)
    live = observe(connection).live
    sent = {}
    for number, (url, into) in enumerate(routes(live, desired(profile, profile.baseline, live))):
        name = f"request-{number}"
        answer = httpx.post(url, json=QUESTION, headers={"X-Request-Id": name}, timeout=30)
        assert (answer.status_code, answer.json()["requestId"]) == (200, name)
        sent[name] = into.name.removeprefix("inference-backend-")
    assert set(sent.values()) == {"small", "medium"}
    sleep(connection.clock, timedelta(seconds=15))
    sql = "SELECT * FROM inference_analytics.inference_metrics WHERE request_id IN UNNEST(@ids)"
    wanted = bigquery.QueryJobConfig(query_parameters=[bigquery.ArrayQueryParameter("ids", "STRING", list(sent))])
    found = [dict(row) for row in connection.client(bigquery.Client).query_and_wait(sql, job_config=wanted)]
    assert {row["request_id"]: row["endpoint_tier"] for row in found} == sent
    for row in found:
        assert (row["model_name"], row["region"], row["tokens_processed"]) == ("llama-70b", "us-central1", 64)
        assert row["inference_latency_ms"] > 150
        assert 0 < row["cost_usd"] < 0.001
    logged = """
        SELECT resource.labels.backend_service_name AS backend, httpRequest.status AS status, httpRequest.latency AS latency
        FROM inference_analytics.requests
    """
    asked = [dict(row) for row in connection.client(bigquery.Client).query_and_wait(logged)]
    assert {f"inference-backend-{tier}" for tier in sent.values()} <= {row["backend"] for row in asked}
    assert all(row["latency"] > 0.15 for row in asked if row["status"] == 200 and row["backend"])
    assert not [line for line in estimate(live, load_price_book("list")).lines if line.address.kind in kinds]
    assert validate(str(small_profile)) > 0
    access = connection.client(bigquery.Client)
    dataset = access.get_dataset("inference_analytics")
    dataset.access_entries = [each for each in dataset.access_entries if "gcp-sa-pubsub" not in str(each.entity_id)]
    access.update_dataset(dataset, ["access_entries"])
    with pytest.raises(ProbeError, match="cannot write into it: PERMISSION_DENIED"):
        validate(str(small_profile))
    provision(str(small_profile))
    assert validate(str(small_profile)) > 0
    teardown(str(small_profile), confirm=profile.name)
    assert flows_here.inventory() == set()
