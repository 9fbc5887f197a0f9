"""BigQuery through Google's own client: datasets, tables, rows, queries that are really run, and its errors."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from discovery_schemas import check
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery import AccessEntry, QueryJobConfig, ScalarQueryParameter, SchemaField
from google.oauth2 import credentials as oauth2

SCHEMA = [
    SchemaField("at", "TIMESTAMP", mode="REQUIRED"),
    SchemaField("tier", "STRING"),
    SchemaField("ms", "FLOAT"),
    SchemaField("tokens", "INTEGER"),
    SchemaField("usd", "NUMERIC"),
    SchemaField("tags", "RECORD", mode="REPEATED", fields=[SchemaField("key", "STRING"), SchemaField("value", "STRING")]),
]
ONCE = {"retry": None}


def check_answer(response, **_options):
    check(response.request.method, urlsplit(response.request.url).path, response.status_code, response.text)


def connect(cloud, token=""):
    credentials = oauth2.Credentials(token) if token else AnonymousCredentials()
    client = bigquery.Client(project="test-project", credentials=credentials, client_options={"api_endpoint": cloud.url})
    client._http.hooks["response"].append(check_answer)
    return client


@pytest.fixture
def client(stepped):
    with_it = connect(stepped)
    yield with_it
    with_it.close()


@pytest.fixture
def table(client):
    client.create_dataset(bigquery.Dataset("test-project.metrics"), **ONCE)
    wanted = bigquery.Table("test-project.metrics.requests", schema=SCHEMA)
    wanted.time_partitioning = bigquery.TimePartitioning(field="at", expiration_ms=86_400_000 * 30)
    wanted.clustering_fields = ["tier"]
    return client.create_table(wanted, **ONCE)


def asked(client, sql, *parameters):
    return [dict(row) for row in client.query_and_wait(sql, job_config=QueryJobConfig(query_parameters=list(parameters)), **ONCE)]


def rows_of(now, count, tier="small"):
    return [
        {
            "at": (now - timedelta(minutes=n)).isoformat(),
            "tier": tier,
            "ms": 100.5 + n,
            "tokens": n,
            "usd": "0.001",
            "tags": [{"key": "n", "value": str(n)}],
        }
        for n in range(count)
    ]


@pytest.mark.usefixtures("table")
def test_a_dataset_is_made_read_changed_listed_and_deleted_only_when_empty(client):
    found = client.get_dataset("metrics", **ONCE)
    assert (found.location, found.labels) == ("US", {})
    assert {(each.role, each.entity_id) for each in found.access_entries} >= {("OWNER", "projectOwners"), ("READER", "projectReaders")}
    found.labels = {"a": "b"}
    changed = client.update_dataset(found, ["labels"], **ONCE)
    assert changed.labels == {"a": "b"}
    again = client.get_dataset("metrics", **ONCE)
    again.labels = {"c": "d"}
    assert client.update_dataset(again, ["labels"], **ONCE).labels == {"a": "b", "c": "d"}, "a patch leaves labels it does not name"
    again = client.get_dataset("metrics", **ONCE)
    again.labels = {"c": None}
    assert client.update_dataset(again, ["labels"], **ONCE).labels == {"a": "b"}
    with pytest.raises(exceptions.PreconditionFailed, match="Precondition check failed"):
        client.update_dataset(found, ["labels"], **ONCE)  # it still has the etag of before
    assert [(each.dataset_id, each.labels) for each in client.list_datasets(**ONCE)] == [("metrics", {"a": "b"})]
    with pytest.raises(exceptions.BadRequest, match="test-project:metrics is still in use"):
        client.delete_dataset("metrics", **ONCE)
    client.delete_dataset("metrics", delete_contents=True, **ONCE)
    with pytest.raises(exceptions.NotFound, match="Not found: Dataset test-project:metrics"):
        client.get_dataset("metrics", **ONCE)


def test_a_table_shows_how_it_was_made_and_grows_by_nullable_columns_only(client, table):
    assert [each.name for each in client.get_table(table, **ONCE).schema] == [each.name for each in SCHEMA]
    assert (table.time_partitioning.type_, table.time_partitioning.field, table.clustering_fields) == ("DAY", "at", ["tier"])
    table.schema = [*SCHEMA, SchemaField("region", "STRING")]
    assert client.update_table(table, ["schema"], **ONCE).schema[-1].name == "region"
    found = client.get_table(table, **ONCE)
    found.schema = SCHEMA[1:]
    with pytest.raises(exceptions.BadRequest, match="Field at is missing in new schema"):
        client.update_table(found, ["schema"], **ONCE)
    with pytest.raises(exceptions.Conflict, match=r"Already Exists: Table test-project:metrics\.requests"):
        client.create_table(table, **ONCE)
    bad = bigquery.Table("test-project.metrics.bad", schema=SCHEMA)
    bad.time_partitioning = bigquery.TimePartitioning(field="nothing")
    with pytest.raises(exceptions.BadRequest, match="cannot be found in the schema: nothing"):
        client.create_table(bad, **ONCE)
    client.delete_table(table, **ONCE)
    assert list(client.list_tables("metrics", **ONCE)) == []


def test_a_row_written_is_read_by_a_query_a_little_later(client, table, stepped):
    now = datetime.fromisoformat(stepped.now())
    assert client.insert_rows_json(table, rows_of(now, 10) + rows_of(now, 5, "large"), **ONCE) == []
    assert asked(client, "SELECT COUNT(*) AS n FROM metrics.requests") == [{"n": 0}]
    stepped.advance(2)
    sql = "SELECT tier, COUNT(*) AS n, AVG(ms) AS ms, SUM(tokens) AS tokens, SUM(usd) AS usd, MAX(at) AS last FROM `test-project.metrics.requests` GROUP BY tier ORDER BY tier"
    assert asked(client, sql) == [
        {"tier": "large", "n": 5, "ms": 102.5, "tokens": 10, "usd": Decimal("0.005"), "last": now.astimezone(UTC)},
        {"tier": "small", "n": 10, "ms": 105.0, "tokens": 45, "usd": Decimal("0.010"), "last": now.astimezone(UTC)},
    ]
    since = ScalarQueryParameter("since", "TIMESTAMP", now - timedelta(minutes=2))
    tiers = bigquery.ArrayQueryParameter("tiers", "STRING", ["large"])
    sql = "SELECT tokens, tags FROM metrics.requests WHERE at >= @since AND tier IN UNNEST(@tiers) ORDER BY tokens LIMIT 2"
    assert asked(client, sql, since, tiers) == [
        {"tokens": 0, "tags": [{"key": "n", "value": "0"}]},
        {"tokens": 1, "tags": [{"key": "n", "value": "1"}]},
    ]
    sql = "SELECT COUNTIF(EXISTS(SELECT 1 FROM UNNEST(tags) AS t WHERE t.value = '3')) AS n, SAFE_DIVIDE(1, 0) AS nothing, CURRENT_TIMESTAMP() AS now FROM metrics.requests"
    assert asked(client, sql) == [{"n": 2, "nothing": None, "now": datetime.fromisoformat(stepped.now())}]
    assert [row["tokens"] for row in client.list_rows(table, selected_fields=[SCHEMA[3]], **ONCE)] == [*range(10), *range(5)]
    job = client.query("SELECT 1 AS one, 'two' AS two", **ONCE)
    assert [tuple(row) for row in job.result(retry=None)] == [(1, "two")]
    read = client.get_table(table, **ONCE)
    assert (read.num_rows, read.streaming_buffer.estimated_rows) == (0, 15)
    stepped.advance(5400)
    assert client.get_table(table, **ONCE).num_rows == 15


def test_rows_that_do_not_fit_are_told_one_by_one_and_none_is_written(client, table, stepped):
    now = datetime.fromisoformat(stepped.now())
    wrong = [*rows_of(now, 1), {"tier": "small"}, {**rows_of(now, 1)[0], "more": 1}, {**rows_of(now, 1)[0], "tokens": "many"}]
    told = client.insert_rows_json(table, wrong, **ONCE)
    assert [
        (each["index"], each["errors"][0]["reason"], each["errors"][0]["message"]) for each in sorted(told, key=lambda each: each["index"])
    ] == [
        (0, "stopped", ""),
        (1, "invalid", "Missing required field: at."),
        (2, "invalid", "no such field: more."),
        (3, "invalid", "Cannot convert value to integer (bad value): many"),
    ]
    stepped.advance(2)
    assert asked(client, "SELECT COUNT(*) AS n FROM metrics.requests") == [{"n": 0}]
    assert client.insert_rows_json(table, wrong, skip_invalid_rows=True, ignore_unknown_values=True, **ONCE)
    stepped.advance(2)
    assert asked(client, "SELECT COUNT(*) AS n FROM metrics.requests") == [{"n": 2}]


def test_a_partition_goes_when_it_expires(client, table, stepped):
    stepped.advance(3_600)  # so that rows of the last minutes are of one day
    now = datetime.fromisoformat(stepped.now())
    client.insert_rows_json(table, rows_of(now, 3), **ONCE)
    stepped.advance(29 * 86_400)
    assert asked(client, "SELECT COUNT(*) AS n FROM metrics.requests") == [{"n": 3}]
    stepped.advance(2 * 86_400)
    assert asked(client, "SELECT COUNT(*) AS n FROM metrics.requests") == [{"n": 0}]


@pytest.mark.usefixtures("table")
def test_queries_that_cannot_be_run_are_refused_with_googles_reasons(client):
    def reason(sql, error=exceptions.BadRequest, **options):
        with pytest.raises(error) as refused:
            client.query_and_wait(sql, **ONCE, **options)
        return refused.value.errors[0]["reason"]

    assert reason("SELEC 1") == "invalidQuery"
    assert reason("SELECT nothing FROM metrics.requests") == "invalidQuery"
    assert reason("DELETE FROM metrics.requests WHERE TRUE") == "invalidQuery"
    assert reason("SELECT * FROM read_csv('/etc/passwd')") == "invalidQuery"
    assert reason("SELECT 1 FROM metrics.gone", exceptions.NotFound) == "notFound"
    assert reason("SELECT 1 FROM metrics.requests", exceptions.NotFound, location="EU") == "notFound"
    assert reason("SELECT 1 FROM `elsewhere.metrics.requests`", exceptions.Forbidden) == "accessDenied"
    assert reason("SELECT 1 FROM metrics.requests", job_config=QueryJobConfig(maximum_bytes_billed=1)) == "bytesBilledLimitExceeded"


@pytest.mark.usefixtures("table")
def test_who_may_read_is_said_by_the_project_or_by_the_dataset(client, stepped):
    stepped.enable("cloudresourcemanager")
    policy = stepped.ask("POST", "/v3/projects/test-project:getIamPolicy", {})
    bindings = [*policy["bindings"], {"role": "roles/bigquery.jobUser", "members": ["user:reader@example.com"]}]
    stepped.ask("POST", "/v3/projects/test-project:setIamPolicy", {"policy": {**policy, "bindings": bindings}})
    reader = connect(stepped, "embedded-reader@example.com")
    with pytest.raises(
        exceptions.Forbidden, match=r"Access Denied: Table test-project:metrics\.requests: Permission bigquery\.tables\.getData denied"
    ):
        reader.query_and_wait("SELECT 1 FROM metrics.requests", **ONCE)
    with pytest.raises(exceptions.Forbidden, match=r"does not have bigquery\.datasets\.get permission"):
        list(reader.list_datasets(**ONCE))
    dataset = client.get_dataset("metrics", **ONCE)
    dataset.access_entries = [*dataset.access_entries, AccessEntry("roles/bigquery.dataViewer", "userByEmail", "reader@example.com")]
    client.update_dataset(dataset, ["access_entries"], **ONCE)
    assert list(reader.query_and_wait("SELECT 1 FROM metrics.requests", **ONCE)) == []
    reader.close()
