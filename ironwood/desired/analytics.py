"""Performance analytics: model servers publish each request they serve, Pub/Sub writes it into a table; a sink adds the load balancer's log of requests.

Nothing of it is there unless the profile wants it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ironwood import naming
from ironwood.desired.marks import labels
from ironwood.profile import Profile
from ironwood.resources.analytics import Column, Dataset, DatasetWriter, Table
from ironwood.resources.base import Resource
from ironwood.resources.budget import Subscription, Topic
from ironwood.resources.logs import LogSink

PUBLISHER = "roles/pubsub.publisher"
"""What the VMs' account does beside the rest when it has requests to tell of."""
PUBSUB, LOGGING = "pubsub", "logging"
REQUESTS = (
    'resource.type="http_load_balancer" AND logName="projects/{project}/logs/requests" AND resource.labels.forwarding_rule_name:"{head}"'
)
COLUMNS = (
    Column(name="timestamp", type="TIMESTAMP", required=True),
    Column(name="endpoint_tier", type="STRING", required=True),
    Column(name="request_id", type="STRING", required=True),
    Column(name="model_name", type="STRING", required=True),
    Column(name="inference_latency_ms", type="FLOAT", required=True),
    Column(name="region", type="STRING", required=True),
    Column(name="tokens_processed", type="INTEGER"),
    Column(name="tpu_utilization_percent", type="FLOAT"),
    Column(name="memory_usage_gb", type="FLOAT"),
    Column(name="cost_usd", type="FLOAT"),
)
"""The seed's columns."""


def analytics(profile: Profile) -> Iterator[Resource]:
    """The dataset, its table, who writes there, the topic, and the subscription between the two."""
    settings = profile.analytics
    if not settings.enabled:
        return
    prefix, owner, marks = profile.name_prefix, profile.name, labels(profile)
    dataset = Dataset(name=naming.dataset(prefix, settings.dataset), owner=owner, location=settings.location, labels=marks)
    writer = DatasetWriter(name=naming.dataset_writer(dataset.name, PUBSUB), owner=owner, dataset=dataset.address, service=PUBSUB)
    table = Table(
        name=naming.metrics_table(dataset.name),
        owner=owner,
        dataset=dataset.address,
        labels=marks,
        columns=COLUMNS,
        partitioned_by="timestamp",
        clustered_by=("endpoint_tier",),
        retention_days=settings.retention_days,
    )
    topic = Topic(name=naming.metrics_topic(prefix), owner=owner, labels=marks)
    logs = DatasetWriter(name=naming.dataset_writer(dataset.name, LOGGING), owner=owner, dataset=dataset.address, service=LOGGING)
    yield from (dataset, writer, logs, table, topic)
    yield LogSink(
        name=naming.requests_sink(prefix),
        owner=owner,
        destination=dataset.address,
        filter=REQUESTS.format(project=profile.project_id, head=f"{prefix}ai-inference-"),
        writer=logs.address,
    )
    yield Subscription(
        name=naming.metrics_subscription(prefix),
        owner=owner,
        topic=topic.address,
        labels=marks,
        table=table.address,
        writer=writer.address,
    )


def telemetry(profile: Profile) -> dict[str, str]:
    """What the serving image is told, as environment variables: where to tell of requests, and by which price."""
    settings = profile.analytics
    if not settings.enabled:
        return {}
    topic = f"projects/{profile.project_id}/topics/{naming.metrics_topic(profile.name_prefix)}"
    price = {"USD_PER_CHIP_HOUR": f"{settings.usd_per_chip_hour:g}"} if settings.usd_per_chip_hour else {}
    return {"METRICS_TOPIC": topic, **price}
