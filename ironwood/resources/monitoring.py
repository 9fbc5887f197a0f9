"""What watches: metrics of our own, a dashboard, alert policies, the channel they tell, an uptime check.

Alert policies, channels and uptime checks get their ids from Google: their name here is their display name. Where several of ours share one, the
oldest keeps it and the others stand under a name of their own, so that they are no longer desired.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from ironwood import metrics
from ironwood.resources.base import GLOBAL, Address, Marking, Reference, Resource, observed


@dataclass(frozen=True, kw_only=True)
class MetricDescriptor(Resource):
    """A custom metric (a gauge); its name is its type. Marked in its description."""

    kind: ClassVar[str] = "metric_descriptor"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"value_type", "unit", "labels"})

    display_name: str
    value_type: str
    unit: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Query:
    """Time series to look at: a filter that names a metric type, aligned by `aligner` each `period_seconds`, reduced by `reducer`."""

    filter: str
    aligner: str
    period_seconds: int = 60
    reducer: str = "REDUCE_NONE"
    group_by: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart of a dashboard."""

    title: str
    queries: tuple[Query, ...]


@dataclass(frozen=True, kw_only=True)
class Dashboard(Resource):
    """A dashboard; its name is its id. Marked in its labels."""

    kind: ClassVar[str] = "dashboard"
    marking: ClassVar[Marking] = "labels"

    title: str
    charts: tuple[Chart, ...]

    def references(self) -> Iterator[Reference]:
        """Also the metrics it draws."""
        yield from super().references()
        yield from _metrics(query for chart in self.charts for query in chart.queries)


@dataclass(frozen=True, kw_only=True)
class NotificationChannel(Resource):
    """An e-mail address to be told. Marked in its user labels."""

    kind: ClassVar[str] = "notification_channel"
    marking: ClassVar[Marking] = "user_labels"

    email: str
    id: str = observed("")


@dataclass(frozen=True, kw_only=True)
class Condition:
    """`query` (over `denominator`, where there is one) is `above` or `below` `threshold` for `for_seconds`.

    `for_seconds` is at least a minute, without which Google takes no word on missing data. `missing`: what no data means: the condition is "inactive", or "keep" what was.
    """

    query: Query
    comparison: Literal["above", "below"]
    threshold: float
    for_seconds: int = 60
    missing: Literal["inactive", "keep"] = "inactive"
    denominator: Query | None = None


@dataclass(frozen=True, kw_only=True)
class AlertPolicy(Resource):
    """An alarm with one condition; `documentation` goes with every notification. Marked in its user labels."""

    kind: ClassVar[str] = "alert_policy"
    marking: ClassVar[Marking] = "user_labels"

    condition: Condition | None
    channels: tuple[Address, ...]
    documentation: str
    severity: str
    id: str = observed("")
    created: str = observed("")

    def references(self) -> Iterator[Reference]:
        """Also the metrics its condition names."""
        yield from super().references()
        if self.condition is not None:
            yield from _metrics(each for each in (self.condition.query, self.condition.denominator) if each is not None)


@dataclass(frozen=True, kw_only=True)
class UptimeCheck(Resource):
    """A request from outside to a path of our address, each `period_seconds`; over HTTPS by `domain` where there is one. Marked in its user labels."""

    kind: ClassVar[str] = "uptime_check"
    marking: ClassVar[Marking] = "user_labels"
    immutable: ClassVar[frozenset[str]] = frozenset({"target", "domain"})

    target: Address
    domain: str = ""
    port: int
    path: str
    period_seconds: int
    timeout_seconds: int
    id: str = observed("")


def _metrics(queries: Iterator[Query]) -> Iterator[Reference]:
    """References to the metrics of ours that queries name: to be made before what looks at them, and gone after it."""
    types = {each for query in queries for each in metrics.named_in(query.filter)}
    for each in sorted(types):
        if each.startswith(metrics.CUSTOM):
            yield Reference(field="metrics", target=Address(kind=MetricDescriptor.kind, scope=GLOBAL, name=each))
        elif each.startswith(metrics.LOG_BASED):
            yield Reference(field="metrics", target=Address(kind="log_metric", scope=GLOBAL, name=each.removeprefix(metrics.LOG_BASED)))
