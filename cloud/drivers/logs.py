"""Drivers of Cloud Logging: log buckets, sinks and log-based metrics.

Google keeps a deleted bucket for seven days, and its name with it; creating it within that time takes the deletion back. A bucket that
waits for its deletion is not live: it stands in the proof of zero, in the column of what is pending.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from google.cloud.logging_v2.services.config_service_v2 import ConfigServiceV2Client
from google.cloud.logging_v2.services.metrics_service_v2 import MetricsServiceV2Client
from google.cloud.logging_v2.types import BigQueryOptions, LifecycleState
from google.cloud.logging_v2.types import LogBucket as LogBucketMessage
from google.cloud.logging_v2.types import LogMetric as LogMetricMessage
from google.cloud.logging_v2.types import LogSink as LogSinkMessage

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import NOWHERE
from cloud.drivers.base import ONCE
from cloud.drivers.bigquery import dataset_address, writer_address
from cloud.drivers.named import NamedDriver
from cloud.errors import translated
from ironwood.errors import ConflictError
from ironwood.resources.analytics import Dataset
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.logs import LogBucket, LogMetric, LogSink

PENDING_FOR = timedelta(days=7)
"""How long Google keeps a deleted log bucket (documented)."""
_DESTINATION = "logging.googleapis.com/"
_DATASETS = "bigquery.googleapis.com/"
LOGGING = "logging"


def bucket_name(project: str, name: str) -> str:
    """The full name of our bucket called `name`."""
    return f"projects/{project}/locations/global/buckets/{name}"


def pending_buckets(connection: Connection, owner: str) -> list[tuple[str, datetime]]:
    """Buckets of `owner` that wait for their deletion, each with the date by which Google has purged it."""
    client = connection.client(ConfigServiceV2Client)
    with translated("listing log buckets that wait for their deletion"):
        found = list(client.list_buckets(parent=f"projects/{connection.project}/locations/global", **ONCE))
    latest = connection.clock.now() + PENDING_FOR
    return [
        (each.name.rpartition("/")[2], latest)
        for each in found
        if each.lifecycle_state == LifecycleState.DELETE_REQUESTED and marker.owner_in_text(each.description) == owner
    ]


def pending_owner(connection: Connection, name: str) -> str | None:
    """Whose the bucket called `name` was that waits for its deletion, "" for a stranger's; None where none waits."""
    with translated(f"looking for a deleted log bucket {name}"):
        found = _pending(connection, name)
    return None if found is None else marker.owner_in_text(found.description)


def _buckets(connection: Connection) -> Iterator[LogBucket]:
    client = connection.client(ConfigServiceV2Client)
    for message in client.list_buckets(parent=f"projects/{connection.project}/locations/global", **ONCE):
        if message.lifecycle_state != LifecycleState.DELETE_REQUESTED:
            yield LogBucket(
                name=message.name.rpartition("/")[2],
                owner=marker.owner_in_text(message.description),
                retention_days=message.retention_days,
                created=_told(message),
            )


def _bucket(resource: LogBucket) -> LogBucketMessage:
    return LogBucketMessage(description=marker.description(resource.owner), retention_days=resource.retention_days)


def _make_bucket(connection: Connection, after: LogBucket) -> None:
    client = connection.client(ConfigServiceV2Client)
    pending = _pending(connection, after.name)
    if pending is None:
        request = {"parent": f"projects/{connection.project}/locations/global", "bucket_id": after.name, "bucket": _bucket(after)}
        client.create_bucket(request=request, **ONCE)
        return
    if marker.owner_in_text(pending.description) != after.owner:
        raise ConflictError(
            f"{after.address} was deleted by somebody else and is kept by Google for {PENDING_FOR.days} days; "
            "undelete it and give it up, wait, or give this profile another name_prefix"
        )
    client.undelete_bucket(request={"name": pending.name}, **ONCE)
    _change_bucket(connection, after, after)


def _pending(connection: Connection, name: str) -> LogBucketMessage | None:
    client = connection.client(ConfigServiceV2Client)
    wanted = bucket_name(connection.project, name)
    for message in client.list_buckets(parent=f"projects/{connection.project}/locations/global", **ONCE):
        if message.name == wanted and message.lifecycle_state == LifecycleState.DELETE_REQUESTED:
            return message
    return None


def _change_bucket(connection: Connection, before: LogBucket, after: LogBucket) -> None:
    del before
    mask = {"paths": ["description", "retention_days"]}
    request = {"name": bucket_name(connection.project, after.name), "bucket": _bucket(after), "update_mask": mask}
    connection.client(ConfigServiceV2Client).update_bucket(request=request, **ONCE)


def _remove_bucket(connection: Connection, before: LogBucket) -> None:
    connection.client(ConfigServiceV2Client).delete_bucket(request={"name": bucket_name(connection.project, before.name)}, **ONCE)


def _sinks(connection: Connection) -> Iterator[LogSink]:
    client = connection.client(ConfigServiceV2Client)
    for message in client.list_sinks(parent=f"projects/{connection.project}", **ONCE):
        yield LogSink(
            name=message.name,
            owner=marker.owner_in_text(message.description),
            destination=_told_destination(connection, message.destination),
            writer=_writer(message.destination),
            filter=message.filter,
            created=_told(message),
        )


def _told_destination(connection: Connection, destination: str) -> Address:
    """Our address of what a sink writes to; NOWHERE for what is no bucket and no dataset of this project."""
    head, datasets = _DESTINATION + bucket_name(connection.project, ""), _datasets(connection)
    if destination.startswith(datasets):
        return dataset_address(destination.removeprefix(datasets))
    return Address(kind=LogBucket.kind, scope=GLOBAL, name=destination.removeprefix(head)) if destination.startswith(head) else NOWHERE


def _writer(destination: str) -> Address | None:
    """Our address of what lets Logging write in a dataset."""
    return writer_address(destination.rpartition("/")[2], LOGGING) if destination.startswith(_DATASETS) else None


def _datasets(connection: Connection) -> str:
    return f"{_DATASETS}projects/{connection.project}/datasets/"


def _sink(connection: Connection, resource: LogSink) -> LogSinkMessage:
    into_dataset = resource.destination.kind == Dataset.kind
    bucket = _DESTINATION + bucket_name(connection.project, resource.destination.name)
    destination = _datasets(connection) + resource.destination.name if into_dataset else bucket
    return LogSinkMessage(
        name=resource.name,
        description=marker.description(resource.owner),
        destination=destination,
        filter=resource.filter,
        bigquery_options=BigQueryOptions(use_partitioned_tables=True) if into_dataset else None,
    )


def _make_sink(connection: Connection, after: LogSink) -> None:
    request = {"parent": f"projects/{connection.project}", "sink": _sink(connection, after)}
    connection.client(ConfigServiceV2Client).create_sink(request=request, **ONCE)


def _change_sink(connection: Connection, before: LogSink, after: LogSink) -> None:
    del before
    request = {
        "sink_name": f"projects/{connection.project}/sinks/{after.name}",
        "sink": _sink(connection, after),
        "update_mask": {"paths": ["description", "destination", "filter"]},
    }
    connection.client(ConfigServiceV2Client).update_sink(request=request, **ONCE)


def _remove_sink(connection: Connection, before: LogSink) -> None:
    request = {"sink_name": f"projects/{connection.project}/sinks/{before.name}"}
    connection.client(ConfigServiceV2Client).delete_sink(request=request, **ONCE)


def _metrics(connection: Connection) -> Iterator[LogMetric]:
    client = connection.client(MetricsServiceV2Client)
    for message in client.list_log_metrics(parent=f"projects/{connection.project}", **ONCE):
        extractors = {key: how.removeprefix("EXTRACT(").removesuffix(")") for key, how in message.label_extractors.items()}
        yield LogMetric(
            name=message.name,
            owner=marker.owner_in_text(message.description),
            filter=message.filter,
            labels=tuple(sorted(extractors.items())),
            created=_told(message),
        )


def _metric(resource: LogMetric) -> LogMetricMessage:
    return LogMetricMessage(
        name=resource.name,
        description=marker.description(resource.owner),
        filter=resource.filter,
        label_extractors={key: f"EXTRACT({field})" for key, field in resource.labels},
        metric_descriptor={
            "metric_kind": "DELTA",
            "value_type": "INT64",
            "unit": "1",
            "labels": [{"key": key} for key, _ in resource.labels],
        },
    )


def _make_metric(connection: Connection, after: LogMetric) -> None:
    request = {"parent": f"projects/{connection.project}", "metric": _metric(after)}
    connection.client(MetricsServiceV2Client).create_log_metric(request=request, **ONCE)


def _change_metric(connection: Connection, before: LogMetric, after: LogMetric) -> None:
    del before
    request = {"metric_name": f"projects/{connection.project}/metrics/{after.name}", "metric": _metric(after)}
    connection.client(MetricsServiceV2Client).update_log_metric(request=request, **ONCE)


def _remove_metric(connection: Connection, before: LogMetric) -> None:
    request = {"metric_name": f"projects/{connection.project}/metrics/{before.name}"}
    connection.client(MetricsServiceV2Client).delete_log_metric(request=request, **ONCE)


def _told(message: LogBucketMessage | LogSinkMessage | LogMetricMessage) -> str:
    """When Google made it, "" where it does not say."""
    made = message.create_time
    return datetime.fromtimestamp(made.timestamp(), tz=made.tzinfo).isoformat() if made else ""


LOG_BUCKET = NamedDriver(resource=LogBucket, listing=_buckets, make=_make_bucket, change=_change_bucket, remove=_remove_bucket)
LOG_SINK = NamedDriver(resource=LogSink, listing=_sinks, make=_make_sink, change=_change_sink, remove=_remove_sink)
LOG_METRIC = NamedDriver(resource=LogMetric, listing=_metrics, make=_make_metric, change=_change_metric, remove=_remove_metric)
