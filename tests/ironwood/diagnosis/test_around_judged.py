"""Each judgement on what stands around the tiers: quota, zones, endpoints, money, and the live graph itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from builders import a_profile
from ironwood.cost.budget import actions_of, key_of
from ironwood.desired import desired
from ironwood.desired.autoscaling import others_on
from ironwood.diagnosis import money, places, quota, standing, vertex
from ironwood.diagnosis.finding import Finding
from ironwood.diagnosis.money import LastDecision, MoneySeen
from ironwood.diagnosis.places import PlaceSeen
from ironwood.diagnosis.quota import ChipQuota
from ironwood.diagnosis.standing import StandingSeen
from ironwood.diagnosis.tier import GroupSeen
from ironwood.diagnosis.vertex import LogLine
from ironwood.diff import diff
from ironwood.graph import Graph
from ironwood.resources.autoscaler import OFF, Autoscaler, Signal
from ironwood.resources.base import SERVICES, Address, Resource
from ironwood.resources.cache import RedisInstance
from ironwood.resources.group import InstanceGroup
from ironwood.resources.https import Certificate
from ironwood.resources.network import Firewall
from ironwood.resources.queued_tpu import QueuedTpu
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.service_set import ServiceSet
from ironwood.resources.vertex import DeployedModel, VertexEndpoint
from ironwood.state import Spending

NOW = datetime(2026, 11, 24, 4, 20, tzinfo=UTC)
PROFILE = a_profile(
    "load_balancer: {domains: [ai.example.com]}\nvertex: {deployments: {small: {min_replicas: 2, max_replicas: 2}}}\nredis: {enabled: true}\n"
    "development: {tryout: {accelerator_type: v5litepod-4, zone: us-central1-a}}\nbudget: {amount_usd: 1000, actions: [{at: 0.5, do: notify}, {at: 0.8, do: stop_growth}]}\n"
)
WANTED = desired(PROFILE, PROFILE.baseline, now=NOW)


def settled(each: Resource) -> Resource:
    """`each` as it stands once all is well."""
    if isinstance(each, Certificate):
        return replace(each, status="ACTIVE", created=NOW.isoformat())
    if isinstance(each, RedisInstance):
        return replace(each, state="READY")
    return each


LIVE = Graph.of(settled(each) for each in WANTED)


def judged(live: Graph, **more: object) -> list[Finding]:
    seen = StandingSeen(name="test", called="test", live=live, wanted=WANTED, plan=diff(WANTED, live, owner="test"))
    return list(standing.judge(replace(seen, **more), NOW))  # type: ignore[arg-type]


def with_changed(kind: type[Resource], **changed: object) -> Graph:
    """The live graph with the first of a kind changed."""
    first = next(each for each in LIVE if isinstance(each, kind))
    return Graph.of(replace(each, **changed) if each is first else each for each in LIVE)  # type: ignore[arg-type]


def test_a_graph_as_wanted_has_no_findings():
    assert judged(LIVE) == []


@pytest.mark.parametrize(
    ("kind", "changed", "check", "severity", "says"),
    [
        (Certificate, {"status": "PROVISIONING", "created": "2026-11-24T01:00:00+00:00"}, "certificate", "error", "is PROVISIONING"),
        (Certificate, {"status": "PROVISIONING", "created": "2026-11-24T04:00:00+00:00"}, "certificate", "note", "is PROVISIONING"),
        (Certificate, {"status": "PROVISIONING_FAILED_PERMANENTLY"}, "certificate", "error", "FAILED_PERMANENTLY"),
        (SchedulerJob, {"schedule": "*/5 4 24 11 *"}, "lease", "error", "the lease has ended"),
        (SchedulerJob, {"schedule": "*/5 5 24 11 *"}, "lease", "warning", "ends in 40 min"),
        (RedisInstance, {"state": "FAILING_OVER"}, "cache", "warning", "is FAILING_OVER"),
        (RedisInstance, {"state": "SUSPENDED"}, "cache", "error", "is SUSPENDED"),
        (QueuedTpu, {"state": "SUSPENDED"}, "queued", "error", "still counts against the quota"),
        (QueuedTpu, {"state": "WAITING_FOR_RESOURCES", "created": "2026-11-24T04:00:00+00:00"}, "queued", "note", "WAITING"),
        (QueuedTpu, {"state": "WAITING_FOR_RESOURCES", "created": "2026-11-23T04:00:00+00:00"}, "queued", "error", "WAITING"),
        (ServiceSet, {"enabled": ()}, "api", "error", "off: billingbudgets.googleapis.com"),
        (InstanceGroup, {"port": 9}, "drift", "warning", "1 thing differs"),
    ],
)
def test_each_thing_out_of_order_is_one_finding(kind: type[Resource], changed: dict[str, object], check: str, severity: str, says: str):
    (found,) = judged(with_changed(kind, **changed))
    assert (found.check, found.severity) == (check, severity)
    assert says in found.what
    assert found.remedies or found.severity == "note"


def test_health_checks_shut_out_are_an_error_and_another_rule_is_drift():
    rules = [each for each in LIVE if isinstance(each, Firewall)]
    found = {rule.name: judged(Graph.of(each for each in LIVE if each is not rule)) for rule in rules}
    assert {name: [each.check for each in of] for name, of in found.items()} == {
        "ai-inference-allow-internal": ["drift"],
        "ai-inference-allow-health-checks": ["firewall"],
    }


def test_a_group_that_lacks_vms_is_no_drift_and_one_that_somebody_grew_is():
    assert judged(with_changed(InstanceGroup, size=3)) == []
    assert [each.check for each in judged(with_changed(InstanceGroup, size=100))] == ["drift"]


def test_an_autoscaler_that_cannot_do_its_work_is_an_error_and_what_it_tells_a_note():
    group = next(each.address for each in LIVE if isinstance(each, InstanceGroup))
    well = Autoscaler(
        name="a", scope=group.scope, owner="test", group=group, least=1, most=3, signal=Signal(target=0.7), stabilization_seconds=600,
        initialization_seconds=60, status="ACTIVE",
    )  # fmt: skip
    wanted = Graph.of([*WANTED, well])

    def told(live: Autoscaler) -> list[str]:
        graph = Graph.of([*LIVE, live])
        return [each.severity for each in judged(graph, wanted=wanted, plan=diff(wanted, graph, owner="test"))]

    assert told(well) == []
    assert told(replace(well, told=("The autoscaler has no data yet.",))) == ["note"]
    assert told(replace(well, status="ERROR", told=("No data.",))) == ["error"]

    theirs = replace(well, name="theirs", owner="")
    there = Graph.of([*LIVE, theirs])
    assert others_on(there, "test") == [theirs]
    assert others_on(Graph.of([*LIVE, well, replace(theirs, mode=OFF)]), "test") == []
    (found,) = judged(there, foreign=others_on(there, "test"))
    assert (found.check, found.severity) == ("autoscaler", "error")
    assert f"stop-autoscaling {group.name} --zone={group.scope.partition('/')[2]}" in found.remedies[0]


def test_an_unfinished_teardown_a_refused_job_and_an_empty_project_are_errors():
    job = next(each.address for each in LIVE if isinstance(each, SchedulerJob))
    assert [each.check for each in judged(LIVE, leaving=NOW, refused={job})] == ["teardown", "job"]
    (nothing,) = judged(Graph.of(each for each in LIVE if each.address == SERVICES))
    assert (nothing.severity, nothing.what) == ("error", "nothing of the profile is there")


def test_what_could_not_be_listed_is_not_told_as_missing():
    without = Graph.of(each for each in LIVE if not isinstance(each, RedisInstance | Firewall))
    assert judged(without, unlisted={"redis_instance", "firewall"}) == []


QUOTA = ChipQuota(name="chips", limit=100, used=60, ours=40, wanted=64, most=80, request=("ask for 84", "ask for 100"))


@pytest.mark.parametrize(
    ("changed", "severity", "what"),
    [
        ({"limit": 83}, "error", "1 chips too few for what is wanted"),
        ({"limit": 99}, "warning", "1 chips too few for max_replicas"),
        ({}, None, ""),
        ({"limit": None}, None, ""),
    ],
)
def test_a_quota_is_short_of_what_is_wanted_or_of_the_most(changed: dict[str, int], severity: str | None, what: str):
    found = list(quota.judge(replace(QUOTA, **changed)))  # type: ignore[arg-type]
    assert [(each.severity, each.what) for each in found] == ([(severity, what)] if severity else [])


def test_a_zone_that_is_down_or_answers_nothing_is_named():
    groups = [GroupSeen(name=name, zone="z", way="", wanted=1, ordered=1, there=0) for name in ("a", "b")]
    up, down = PlaceSeen(zone="z", status="UP"), PlaceSeen(zone="z", status="DOWN")
    assert [each.what for each in places.judge([down], groups, {})] == ["Google says it is DOWN"]
    assert [each.what for each in places.judge([up], groups, {"a": 0})] == ["nothing in it answers, of no group"]
    assert list(places.judge([up], groups, {"a": 1})) == []
    assert list(places.judge([up], groups[:1], {})) == []
    assert list(places.judge([up], [replace(each, ordered=0) for each in groups], {})) == []


def test_endpoints_short_of_replicas_and_their_errors_are_told():
    endpoints = [each for each in LIVE if isinstance(each, VertexEndpoint)]
    model = next(each for each in LIVE if isinstance(each, DeployedModel))
    line = LogLine(at=NOW, endpoint=model.endpoint.name, text="Model server never became ready")
    other = replace(line, endpoint="somebody-elses")
    assert list(vertex.judge("test", endpoints, [replace(model, replicas=2)], [other])) == []
    short, logged = vertex.judge("test", endpoints, [replace(model, replicas=1)], [line])
    assert short.what == f"deployed model {model.id} has 1 of 2 replicas"
    (failed,) = vertex.judge("test", endpoints, [], [], [line, other])
    assert (failed.severity, failed.what) == ("error", "its last change failed: Model server never became ready")
    assert logged.evidence == ("04:20 UTC Model server never became ready",)


def spending(share: float, *, looked: datetime = NOW) -> Spending:
    done = {key_of(PROFILE, each): "told" if each.do == "notify" else "ceiling" for each in actions_of(PROFILE) if each.at <= share}
    return Spending(month="2026-11", looked=looked, spent_usd=Decimal("801.50"), hourly_usd=Decimal(96), done=done)  # type: ignore[arg-type]


def money_of(seen: MoneySeen) -> list[tuple[str, str]]:
    return [(each.severity, each.what) for each in money.judge(PROFILE, "test", seen, NOW)]


def test_the_budget_tells_why_nothing_more_was_bought():
    quiet = MoneySeen(spending=spending(0.1), month="2026-11", capped={})
    assert money_of(quiet) == []
    assert money_of(replace(quiet, spending=spending(0.5))) == [("note", "50% of it is spent")]
    acted = "has acted this month: stop_growth at 80% ($800.00); growth beyond it is refused"
    assert money_of(replace(quiet, spending=spending(0.8))) == [("warning", acted)]
    (held,) = money.judge(PROFILE, "test", replace(quiet, spending=spending(0.8), capped={"small": "3 wanted, 1 allowed"}), NOW)
    assert (held.severity, held.what) == ("error", "the budget holds it back: 3 wanted, 1 allowed")
    assert "$801.50 of $1,000.00 spent in 2026-11" in held.evidence[0]
    assert money_of(replace(quiet, spending=spending(0.8), month="2026-12")) == []
    stale = replace(quiet, spending=spending(0.1, looked=NOW - timedelta(hours=3)))
    assert money_of(stale) == [("warning", "nobody has looked at the meter for 3 h, so no threshold can act")]


def test_the_last_decision_counts_where_it_was_not_carried_out():
    done = LastDecision(at=NOW, in_force="the profile", done="+0 ~1 -0", reasons={"small": "baseline"})
    quiet = MoneySeen(spending=None, month="2026-11", capped={}, decision=done)
    assert money_of(quiet) == []
    refused = replace(quiet, decision=replace(done, done="not done: growing by $96.00/h needs $96.00"))
    assert money_of(refused) == [("error", "the last look was not done: growing by $96.00/h needs $96.00")]
    assert money.billing_off("p").severity == "error"


def test_addresses_of_jobs_are_what_refused_is_about():
    assert judged(LIVE, refused={Address(kind="scheduler_job", scope="regions/elsewhere", name="no-such")}) == []
