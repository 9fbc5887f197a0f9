"""Driver of dashboards: a grid of line charts, two a row. A widget that is no line chart reads as a chart without queries, hence as drift."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from google.cloud import monitoring_dashboard_v1 as dashboards

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE
from cloud.drivers.named import NamedDriver
from ironwood.desired.marks import LABEL_KEY
from ironwood.resources.monitoring import Chart, Dashboard, Query

COLUMNS = 2
# proto enums are indexable, which their types do not say
_ALIGNER: Any = dashboards.Aggregation.Aligner
_REDUCER: Any = dashboards.Aggregation.Reducer


def _listing(connection: Connection) -> Iterator[Dashboard]:
    client = connection.client(dashboards.DashboardsServiceClient)
    for message in client.list_dashboards(request={"parent": f"projects/{connection.project}"}, **ONCE):
        yield Dashboard(
            name=message.name.rpartition("/")[2],
            owner=marker.owner_in_labels(message.labels),
            title=message.display_name,
            charts=tuple(_read_chart(widget) for widget in message.grid_layout.widgets),
        )


def _read_chart(widget: dashboards.Widget) -> Chart:
    queries = tuple(_read_query(each.time_series_query.time_series_filter) for each in widget.xy_chart.data_sets)
    return Chart(title=widget.title, queries=queries)


def _read_query(message: dashboards.TimeSeriesFilter) -> Query:
    how = message.aggregation
    return Query(
        filter=message.filter,
        aligner=dashboards.Aggregation.Aligner(how.per_series_aligner).name,
        period_seconds=int(how.alignment_period.total_seconds()),
        reducer=dashboards.Aggregation.Reducer(how.cross_series_reducer).name,
        group_by=tuple(how.group_by_fields),
    )


def _message(connection: Connection, resource: Dashboard, etag: str = "") -> dashboards.Dashboard:
    return dashboards.Dashboard(
        name=f"projects/{connection.project}/dashboards/{resource.name}",
        display_name=resource.title,
        etag=etag,
        labels={LABEL_KEY: resource.owner},
        grid_layout=dashboards.GridLayout(columns=COLUMNS, widgets=[_widget(chart) for chart in resource.charts]),
    )


def _widget(chart: Chart) -> dashboards.Widget:
    sets = [
        dashboards.XyChart.DataSet(
            plot_type=dashboards.XyChart.DataSet.PlotType.LINE,
            time_series_query=dashboards.TimeSeriesQuery(
                time_series_filter=dashboards.TimeSeriesFilter(
                    filter=query.filter,
                    aggregation=dashboards.Aggregation(
                        alignment_period=timedelta(seconds=query.period_seconds),
                        per_series_aligner=_ALIGNER[query.aligner],
                        cross_series_reducer=_REDUCER[query.reducer],
                        group_by_fields=list(query.group_by),
                    ),
                )
            ),
        )
        for query in chart.queries
    ]
    return dashboards.Widget(title=chart.title, xy_chart=dashboards.XyChart(data_sets=sets))


def _make(connection: Connection, after: Dashboard) -> None:
    client = connection.client(dashboards.DashboardsServiceClient)
    client.create_dashboard(request={"parent": f"projects/{connection.project}", "dashboard": _message(connection, after)}, **ONCE)


def _change(connection: Connection, before: Dashboard, after: Dashboard) -> None:
    del before
    client = connection.client(dashboards.DashboardsServiceClient)
    live = client.get_dashboard(request={"name": f"projects/{connection.project}/dashboards/{after.name}"}, **ONCE)
    client.update_dashboard(request={"dashboard": _message(connection, after, live.etag)}, **ONCE)


def _remove(connection: Connection, before: Dashboard) -> None:
    client = connection.client(dashboards.DashboardsServiceClient)
    client.delete_dashboard(request={"name": f"projects/{connection.project}/dashboards/{before.name}"}, **ONCE)


DASHBOARD = NamedDriver(resource=Dashboard, listing=_listing, make=_make, change=_change, remove=_remove)
