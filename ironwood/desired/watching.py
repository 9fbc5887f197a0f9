"""What is watched: metrics of our own, the dashboard, the alarms, whom they tell, the uptime check.

Every filter names metric types that ironwood knows; one that does not is a defect and is refused here, before Google would.
"""

from __future__ import annotations

from collections.abc import Iterator

from ironwood import metrics, naming
from ironwood.errors import PlanError
from ironwood.profile import Profile
from ironwood.resources.base import GLOBAL, Address, Resource
from ironwood.resources.logs import LogMetric
from ironwood.resources.monitoring import (
    AlertPolicy,
    Chart,
    Condition,
    Dashboard,
    MetricDescriptor,
    NotificationChannel,
    Query,
    UptimeCheck,
)

GUIDE = "docs/monitoring.md"
DAY_SECONDS = 86_400


def watching(profile: Profile) -> Iterator[Resource]:
    """Everything that watches the profile's tiers; nothing where monitoring is off."""
    if not profile.monitoring.enabled:
        return
    prefix, owner = profile.name_prefix, profile.name
    descriptors = tuple(_descriptors(profile))
    unhealthy = _unhealthy_metric(profile)
    ours = frozenset({*(each.name for each in descriptors), unhealthy.metric_type, metrics.LOG_BASED + naming.runs_metric(prefix)})
    address = Address(kind="address", scope=GLOBAL, name=naming.address(prefix))
    yield from descriptors
    yield unhealthy
    channels = tuple(_channel(profile))
    yield from channels
    yield UptimeCheck(
        name=naming.uptime_check(prefix),
        owner=owner,
        target=address,
        domain=next(iter(profile.load_balancer.domains), ""),
        port=profile.load_balancer.https_port if profile.load_balancer.domains else profile.load_balancer.port,
        path=profile.serving.readiness_path,
        period_seconds=60,
        timeout_seconds=10,
    )
    for alarm in _alarms(profile, tuple(each.address for each in channels), unhealthy):
        yield known(alarm, ours)
    yield known(Dashboard(name=naming.dashboard(prefix), owner=owner, title=naming.dashboard(prefix), charts=tuple(_charts(profile))), ours)


def known(resource: AlertPolicy | Dashboard, ours: frozenset[str]) -> Resource:
    """The resource, if every metric it names is known; raises PlanError."""
    if isinstance(resource, Dashboard):
        queries = [query for chart in resource.charts for query in chart.queries]
    else:
        condition = resource.condition
        queries = [each for each in (condition.query, condition.denominator) if each is not None] if condition else []
    for query in queries:
        for unknown in metrics.unknown_in(query.filter, ours):
            what = f"names the metric '{unknown}', which ironwood does not know" if unknown else f"names no metric in {query.filter!r}"
            raise PlanError(f"{resource.address} {what}; metrics it may name stand in ironwood/metrics.py")
    return resource


def _descriptors(profile: Profile) -> Iterator[MetricDescriptor]:
    for name, title, value_type, unit, labels in (
        ("hourly_usd", "US dollars an hour now", "DOUBLE", "{USD}/h", ()),
        ("budget_used", "Share of the month's budget spent", "DOUBLE", "1", ()),
        ("tier_pods", "Pods of a tier", "INT64", "1", ("tier",)),
    ):
        kind = metrics.own(profile.name_prefix, name)
        yield MetricDescriptor(name=kind, owner=profile.name, display_name=title, value_type=value_type, unit=unit, labels=labels)


def _unhealthy_metric(profile: Profile) -> LogMetric:
    """Counts the VMs of ours that the health check has seen fall ill. Google has no metric for it; it logs each change."""
    probe = "jsonPayload.healthCheckProbeResult"
    return LogMetric(
        name=naming.unhealthy_metric(profile.name_prefix),
        owner=profile.name,
        filter=(
            f'LOG_ID("compute.googleapis.com/healthchecks") AND {probe}.previousHealthState="HEALTHY" AND {probe}.healthState="UNHEALTHY" '
            f'AND resource.labels.instance_group_name=~"^{naming.group_head(profile.name_prefix)}"'
        ),
        labels=(("group", "resource.labels.instance_group_name"),),
    )


def _channel(profile: Profile) -> Iterator[NotificationChannel]:
    if profile.monitoring.notification_email:
        yield NotificationChannel(name=naming.channel(profile.name_prefix), owner=profile.name, email=profile.monitoring.notification_email)


def _front(profile: Profile, metric: str, more: str = "") -> str:
    """The filter of a load balancer metric, of our URL map only."""
    return f'metric.type="{metric}" AND resource.type="https_lb_rule" AND resource.label.url_map_name="{naming.url_map(profile.name_prefix)}"{more}'


def _alarms(profile: Profile, channels: tuple[Address, ...], unhealthy: LogMetric) -> Iterator[AlertPolicy]:
    prefix, owner, limits = profile.name_prefix, profile.name, profile.monitoring.alerts
    by_service = ("resource.label.backend_target_name",)

    def alarm(what: str, severity: str, condition: Condition) -> AlertPolicy:
        told = f"What it means and what to do: {GUIDE}, section '{what}'."
        return AlertPolicy(
            name=naming.alarm(prefix, what), owner=owner, condition=condition, channels=channels, documentation=told, severity=severity
        )

    yield alarm(
        "latency",
        "WARNING",
        Condition(
            query=Query(
                filter=_front(profile, metrics.LATENCIES), aligner="ALIGN_DELTA", reducer="REDUCE_PERCENTILE_95", group_by=by_service
            ),
            comparison="above",
            threshold=float(limits.latency_p95_ms),
            for_seconds=limits.latency_minutes * 60,
        ),
    )
    yield alarm(
        "errors",
        "CRITICAL",
        Condition(
            query=Query(
                filter=_front(profile, metrics.REQUESTS, ' AND metric.label.response_code_class="500"'),
                aligner="ALIGN_DELTA",
                reducer="REDUCE_SUM",
                group_by=by_service,
            ),
            denominator=Query(filter=_front(profile, metrics.REQUESTS), aligner="ALIGN_DELTA", reducer="REDUCE_SUM", group_by=by_service),
            comparison="above",
            threshold=limits.error_rate,
            for_seconds=limits.error_minutes * 60,
        ),
    )
    yield alarm(
        "idle",
        "WARNING",
        Condition(
            query=Query(
                filter=f'metric.type="{metrics.UTILIZATION}" AND resource.type="tpu.googleapis.com/GceTpuWorker"',
                aligner="ALIGN_MEAN",
                reducer="REDUCE_MEAN",
            ),
            comparison="below",
            threshold=limits.idle_utilization * 100,
            for_seconds=limits.idle_minutes * 60,
        ),
    )
    yield alarm(
        "unhealthy",
        "ERROR",
        Condition(
            query=Query(
                filter=f'metric.type="{unhealthy.metric_type}" AND resource.type="gce_instance_group"',
                aligner="ALIGN_DELTA",
                period_seconds=300,
                reducer="REDUCE_SUM",
                group_by=("metric.label.group",),
            ),
            comparison="above",
            threshold=0.0,
        ),
    )
    yield alarm(
        "budget",
        "CRITICAL",
        Condition(
            query=Query(
                filter=f'metric.type="{metrics.own(prefix, "budget_used")}" AND resource.type="global"',
                aligner="ALIGN_NEXT_OLDER",
                period_seconds=DAY_SECONDS,
                reducer="REDUCE_MAX",
            ),
            comparison="above",
            threshold=profile.budget.threshold,
            missing="keep",
        ),
    )


def _charts(profile: Profile) -> Iterator[Chart]:
    prefix = profile.name_prefix

    def own(name: str, *group_by: str) -> Query:
        text = f'metric.type="{metrics.own(prefix, name)}" AND resource.type="global"'
        return Query(filter=text, aligner="ALIGN_NEXT_OLDER", reducer="REDUCE_MAX", group_by=group_by)

    yield Chart(title="Pods by tier", queries=(own("tier_pods", "metric.label.tier"),))
    groups = f'resource.label.instance_group_name=starts_with("{naming.group_head(prefix)}")'
    size = f'metric.type="{metrics.GROUP_SIZE}" AND resource.type="instance_group" AND {groups}'
    by_group = ("resource.label.instance_group_name",)
    yield Chart(title="VMs by group", queries=(Query(filter=size, aligner="ALIGN_MEAN", reducer="REDUCE_SUM", group_by=by_group),))
    busy = f'metric.type="{metrics.UTILIZATION}" AND resource.type="tpu.googleapis.com/GceTpuWorker"'
    yield Chart(title="TPU utilisation, %", queries=(Query(filter=busy, aligner="ALIGN_MEAN", reducer="REDUCE_MEAN"),))
    by_service = ("resource.label.backend_target_name",)
    shares = ("50", "95", "99")
    yield Chart(
        title="Latency p50, p95, p99 by tier, ms",
        queries=tuple(
            Query(
                filter=_front(profile, metrics.LATENCIES),
                aligner="ALIGN_DELTA",
                reducer=f"REDUCE_PERCENTILE_{share}",
                group_by=by_service,
            )
            for share in shares
        ),
    )
    by_code = ("metric.label.response_code_class",)
    requests = Query(filter=_front(profile, metrics.REQUESTS), aligner="ALIGN_RATE", reducer="REDUCE_SUM", group_by=by_code)
    yield Chart(title="Requests a second by response class", queries=(requests,))
    yield Chart(title="US dollars an hour", queries=(own("hourly_usd"),))
    yield Chart(title="Share of the month's budget spent", queries=(own("budget_used"),))
    passed = f'metric.type="{metrics.UPTIME}" AND resource.type="uptime_url"'
    yield Chart(title="Reached from outside", queries=(Query(filter=passed, aligner="ALIGN_FRACTION_TRUE", reducer="REDUCE_MEAN"),))
    runs = f'metric.type="{metrics.LOG_BASED}{naming.runs_metric(prefix)}" AND resource.type="global"'
    yield Chart(
        title="Runs that changed something",
        queries=(
            Query(filter=runs, aligner="ALIGN_DELTA", period_seconds=3_600, reducer="REDUCE_SUM", group_by=("metric.label.operation",)),
        ),
    )
    for title, kind in profile.monitoring.charts.items():
        yield Chart(title=title, queries=(Query(filter=f'metric.type="{kind}"', aligner=metrics.ALIGNERS[metrics.GOOGLES[kind]]),))
