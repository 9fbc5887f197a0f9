"""Requests the load balancer has served, as Cloud Monitoring keeps them: five minutes at a time.

Google keeps them for six weeks (documented); a five minutes in which nobody asked has no point, which is a zero, not a gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from google.cloud import monitoring_v3

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from ironwood.metrics import REQUESTS

BIN = timedelta(minutes=5)


FAILED = ' AND metric.labels.response_code_class="500"'
"""Narrows what is seen to requests that were refused or met nothing that serves."""


def requests_seen(
    connection: Connection, *, url_map: str, since: datetime, until: datetime, only: str = ""
) -> Iterator[tuple[datetime, int]]:
    """(start of five minutes, requests in them) of the load balancer with this URL map, every bin of [since, until); both on full five minutes.

    However they were answered, unless `only` narrows it.
    """
    request = {
        "name": f"projects/{connection.project}",
        "filter": f'metric.type="{REQUESTS}" AND resource.type="https_lb_rule" AND resource.labels.url_map_name="{url_map}"{only}',
        "interval": {"start_time": since, "end_time": until},
        "view": monitoring_v3.ListTimeSeriesRequest.TimeSeriesView.FULL,
        "aggregation": {
            "alignment_period": BIN,
            "per_series_aligner": monitoring_v3.Aggregation.Aligner.ALIGN_DELTA,
            "cross_series_reducer": monitoring_v3.Aggregation.Reducer.REDUCE_SUM,
        },
    }
    client = connection.client(monitoring_v3.MetricServiceClient)
    seen: dict[datetime, int] = {}
    with translated(f"reading {REQUESTS}"):
        for series in client.list_time_series(request=request, **ONCE):
            for point in series.points:
                end = datetime.fromtimestamp(round(point.interval.end_time.timestamp()), tz=UTC)
                seen[end - BIN] = seen.get(end - BIN, 0) + round(point.value.int64_value or point.value.double_value)
    start = since
    while start < until:
        yield start, seen.get(start, 0)
        start += BIN
