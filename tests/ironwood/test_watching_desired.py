"""What is watched names only metrics ironwood knows, each made before what looks at it; a filter or a chart that does not is refused."""

from __future__ import annotations

import pytest

from builders import a_profile
from ironwood import metrics
from ironwood.desired import desired
from ironwood.desired.watching import known
from ironwood.errors import PlanError, ProfileError
from ironwood.resources.monitoring import AlertPolicy, Chart, Condition, Dashboard, MetricDescriptor, NotificationChannel, Query

TOLD = "monitoring: {notification_email: oncall@example.com}\n"


def of(kind: type, text: str = "") -> list[object]:
    profile = a_profile(text)
    return [each for each in desired(profile, profile.baseline) if isinstance(each, kind)]


def queries(text: str = "") -> list[Query]:
    (dashboard,) = of(Dashboard, text)
    alarms = [each.condition for each in of(AlertPolicy, text)]  # type: ignore[attr-defined]
    drawn = [query for chart in dashboard.charts for query in chart.queries]  # type: ignore[attr-defined]
    return drawn + [each for alarm in alarms for each in (alarm.query, alarm.denominator) if each is not None]


@pytest.mark.parametrize(
    "text", ["", "name_prefix: team-a-\n", "monitoring: {charts: {Backends: loadbalancing.googleapis.com/https/backend_latencies}}\n"]
)
def test_every_filter_names_a_metric_that_google_has_or_the_graph_makes(text: str):
    profile = a_profile(text)
    graph = desired(profile, profile.baseline)
    made = {each.name for each in graph if isinstance(each, MetricDescriptor)}
    made |= {each.metric_type for each in graph if each.kind == "log_metric"}  # type: ignore[attr-defined]
    for query in queries(text):
        assert metrics.named_in(query.filter)
        assert not metrics.unknown_in(query.filter, frozenset(made))
        assert "resource.type=" in query.filter or "charts" in text


def test_what_looks_at_a_metric_of_ours_refers_to_it():
    alarms = {each.name: each for each in of(AlertPolicy, TOLD)}  # type: ignore[attr-defined]
    targets = {name: {str(each.target) for each in alarm.references()} for name, alarm in alarms.items()}  # type: ignore[attr-defined]
    assert "metric_descriptor/global/custom.googleapis.com/ironwood/budget_used" in targets["ironwood budget"]
    assert "log_metric/global/ironwood-unhealthy" in targets["ironwood unhealthy"]
    assert all("notification_channel/global/ironwood notifications" in found for found in targets.values())


def test_nobody_is_told_unless_an_address_is_given():
    assert of(NotificationChannel) == []
    assert all(each.channels == () for each in of(AlertPolicy))  # type: ignore[attr-defined]
    assert [each.email for each in of(NotificationChannel, TOLD)] == ["oncall@example.com"]  # type: ignore[attr-defined]


def test_two_profiles_of_a_project_share_no_metric():
    ours, theirs = ({each.name for each in of(MetricDescriptor, text)} for text in ("", "name_prefix: b-\n"))  # type: ignore[attr-defined]
    assert not ours & theirs


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('metric.type="loadbalancing.googleapis.com/https/backend_health"', "does not know"),
        ('metric.type="custom.googleapis.com/ironwood/other"', "does not know"),
        ('resource.type="https_lb_rule"', "names no metric"),
    ],
)
def test_a_dashboard_or_an_alarm_that_names_another_metric_is_refused(text: str, why: str):
    query = Query(filter=text, aligner="ALIGN_MEAN")
    ours = frozenset({"custom.googleapis.com/ironwood/hourly_usd"})
    with pytest.raises(PlanError, match=why):
        known(Dashboard(name="d", title="d", charts=(Chart(title="c", queries=(query,)),)), ours)
    condition = Condition(query=query, comparison="above", threshold=1.0)
    with pytest.raises(PlanError, match=why):
        known(AlertPolicy(name="a", condition=condition, channels=(), documentation="", severity="WARNING"), ours)


def test_a_chart_of_a_metric_nobody_knows_is_refused_where_it_is_written():
    with pytest.raises(ProfileError, match=r"test.yaml:2 monitoring.charts.*'compute.googleapis.com/wish' is not a metric ironwood knows"):
        a_profile("monitoring: {charts: {Wishes: compute.googleapis.com/wish}}\n")
