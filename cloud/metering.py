"""Points of our own metrics, written to Cloud Monitoring.

1. A point written under a descriptor that is not there would make one without our marker, so the writer is told which descriptors there are.
2. A series takes a point every five seconds at most and none that is older than its last (documented). Where another run was as fast, its point stands for ours.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from google.cloud import monitoring_v3

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from ironwood.errors import RefusedError

log = logging.getLogger("ironwood.metering")

AT_ONCE = 200
"""Series one request may write (documented)."""
ALREADY = ("Points must be written in order", "written more frequently than the maximum sampling period")
"""What Google says of a series that has a point as young; the others of the request are written (seen in public issues)."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The value of a metric now; an int for INT64, a float for DOUBLE."""

    metric: str
    value: int | float
    labels: Mapping[str, str] = field(default_factory=dict)


def write(connection: Connection, readings: Iterable[Reading]) -> None:
    """Write one point each, at the cloud's time now."""
    now = connection.clock.now()
    client = connection.client(monitoring_v3.MetricServiceClient)
    series = [_series(connection, each, now.timestamp()) for each in readings]
    for start in range(0, len(series), AT_ONCE):
        request = {"name": f"projects/{connection.project}", "time_series": series[start : start + AT_ONCE]}
        try:
            with translated("writing our metrics"):
                client.create_time_series(request=request, **ONCE)
        except RefusedError as error:
            if not any(said in str(error) for said in ALREADY):
                raise
            log.info("another run has just written some of our metrics: %s", error)


def latest(connection: Connection, metric: str, *, seconds: int) -> float | None:
    """The newest value of a metric of ours in the last `seconds`, whatever its labels; None where there is none."""
    now = int(connection.clock.now().timestamp()) + 1
    request = {
        "name": f"projects/{connection.project}",
        "filter": f'metric.type="{metric}"',
        "interval": {"start_time": {"seconds": now - seconds}, "end_time": {"seconds": now}},
        "view": monitoring_v3.ListTimeSeriesRequest.TimeSeriesView.FULL,
    }
    client = connection.client(monitoring_v3.MetricServiceClient)
    with translated(f"reading {metric}"):
        found = [point for series in client.list_time_series(request=request, **ONCE) for point in series.points]
    if not found:
        return None
    newest = max(found, key=lambda point: point.interval.end_time.timestamp())
    return float(newest.value.double_value or newest.value.int64_value)


def _series(connection: Connection, reading: Reading, now: float) -> monitoring_v3.TimeSeries:
    seconds = int(now)
    value = {"int64_value": reading.value} if isinstance(reading.value, int) else {"double_value": reading.value}
    return monitoring_v3.TimeSeries(
        metric={"type": reading.metric, "labels": dict(reading.labels)},
        resource={"type": "global", "labels": {"project_id": connection.project}},
        points=[{"interval": {"end_time": {"seconds": seconds, "nanos": int((now - seconds) * 1e9)}}, "value": value}],
    )
