"""Driver of metric descriptors.

A new one cannot be read for a while, a deleted one still can (recorded), so both are waited out: what comes next may count on it. A point written
under a deleted descriptor would make it anew, so whoever writes must have stopped before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from google.api import label_pb2, metric_pb2
from google.cloud import monitoring_v3

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE
from cloud.drivers.named import NamedDriver
from cloud.journal import Attempt
from ironwood import metrics
from ironwood.errors import TransientError
from ironwood.resources.monitoring import MetricDescriptor

VISIBLE_WITHIN = timedelta(minutes=12)
"""Google says up to ten minutes."""
POLL = timedelta(seconds=5)
_VALUE_TYPE: Any = metric_pb2.MetricDescriptor.ValueType  # the package's types leave out what an enum can do


class MetricDescriptorDriver(NamedDriver[MetricDescriptor]):
    """Descriptors of our own metrics."""

    def create(self, connection: Connection, attempt: Attempt, after: MetricDescriptor) -> None:
        """Make it and wait until it can be read."""
        super().create(connection, attempt, after)
        self._until(connection, after, "was made but cannot be read", lambda found: after.name in found)

    def delete(self, connection: Connection, attempt: Attempt, before: MetricDescriptor) -> None:
        """Delete it and wait until it is gone from lists."""
        super().delete(connection, attempt, before)
        self._until(connection, before, "was deleted but is still listed", lambda found: before.name not in found)

    def _until(self, connection: Connection, resource: MetricDescriptor, what: str, reached: Callable[[set[str]], bool]) -> None:
        deadline = connection.clock.now() + VISIBLE_WITHIN
        while not reached({each.name for each in self.observe(connection)}):
            if connection.clock.now() > deadline:
                raise TransientError(f"{resource.address} {what} after {VISIBLE_WITHIN}")
            sleep(connection.clock, POLL)


def _listing(connection: Connection) -> Iterator[MetricDescriptor]:
    client = connection.client(monitoring_v3.MetricServiceClient)
    request = {"name": f"projects/{connection.project}", "filter": f'metric.type = starts_with("{metrics.CUSTOM}")'}
    for message in client.list_metric_descriptors(request=request, **ONCE):
        yield MetricDescriptor(
            name=message.type,
            owner=marker.owner_in_text(message.description),
            display_name=message.display_name,
            value_type=_VALUE_TYPE.Name(message.value_type),
            unit=message.unit,
            labels=tuple(sorted(label.key for label in message.labels)),
        )


def _make(connection: Connection, after: MetricDescriptor) -> None:
    message = metric_pb2.MetricDescriptor(
        type=after.name,
        metric_kind=metric_pb2.MetricDescriptor.MetricKind.GAUGE,
        value_type=_VALUE_TYPE.Value(after.value_type),
        unit=after.unit,
        display_name=after.display_name,
        description=marker.description(after.owner),
        labels=[label_pb2.LabelDescriptor(key=key) for key in after.labels],
    )
    client = connection.client(monitoring_v3.MetricServiceClient)
    client.create_metric_descriptor(request={"name": f"projects/{connection.project}", "metric_descriptor": message}, **ONCE)


def _change(connection: Connection, before: MetricDescriptor, after: MetricDescriptor) -> None:
    """Making it again changes its words (documented)."""
    del before
    _make(connection, after)


def _remove(connection: Connection, before: MetricDescriptor) -> None:
    client = connection.client(monitoring_v3.MetricServiceClient)
    client.delete_metric_descriptor(request={"name": f"projects/{connection.project}/metricDescriptors/{before.name}"}, **ONCE)


METRIC_DESCRIPTOR = MetricDescriptorDriver(resource=MetricDescriptor, listing=_listing, make=_make, change=_change, remove=_remove)
