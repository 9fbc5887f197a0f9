"""What the section `development` means: queued resources of their own, jobs that delete them, one API and one role more; nothing without it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from builders import a_price_book, a_profile
from ironwood import tpu_v5e
from ironwood.apis import TPU_APIS
from ironwood.cost.estimate import estimate
from ironwood.desired import at_rest, desired
from ironwood.diff import diff
from ironwood.graph import Graph
from ironwood.resources.base import SERVICES, Address
from ironwood.resources.queued_tpu import QueuedTpu
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.service_set import ServiceSet

BENCH = "development: {bench: {accelerator_type: v5litepod-16, consumption: on_demand, count: 2}}\n"
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def wanted(text: str = BENCH) -> Graph:
    profile = a_profile(text)
    return desired(profile, profile.baseline, now=NOW)


def tpus(graph: Graph) -> list[QueuedTpu]:
    return [each for each in graph if isinstance(each, QueuedTpu)]


def test_each_is_a_queued_resource_in_the_first_zone_with_v5e():
    found = tpus(wanted())
    assert [each.name for each in found] == ["ironwood-dev-bench-001", "ironwood-dev-bench-002"]
    assert {each.scope for each in found} == {"zones/us-central1-a"}
    assert {each.lease.name for each in found if each.lease} == {f"{each.name}-lease" for each in found}


def test_without_the_section_nothing_of_it_is_there():
    plain, more = wanted("").by_address, wanted().by_address
    added = {address.kind for address in more.keys() - plain.keys()}
    assert added == {"queued_tpu", "scheduler_job", "iam_binding"}
    services = plain[SERVICES]
    assert isinstance(services, ServiceSet)
    assert not set(services.enabled) & set(TPU_APIS)


def test_what_deletes_it_is_a_job_of_the_api_that_is_not_tried_again():
    jobs = {each.name: each for each in wanted(BENCH + "stop_at: {cron: 0 20 * * *}\n") if isinstance(each, SchedulerJob)}
    lease, stop = jobs["ironwood-dev-bench-001-lease"], jobs["ironwood-dev-bench-001-stop"]
    url = f"{lease.endpoint}projects/P/{lease.target}/{lease.call}"
    assert url == "https://tpu.googleapis.com/v2/projects/P/locations/us-central1-a/queuedResources/ironwood-dev-bench-001?force=true"
    assert (lease.method, lease.retries, stop.method, stop.schedule) == ("DELETE", 0, "DELETE", "0 20 * * *")


def test_it_costs_its_chips_while_it_is_active_and_teardown_lets_it_go_first():
    lines = [line for line in estimate(wanted(), a_price_book()).lines if line.address.kind == "queued_tpu"]
    assert [line.hourly_usd for line in lines] == [16 * Decimal("1.20")] * 2
    assert tpus(at_rest(wanted())) == []


def test_a_state_is_drift_and_repaired_in_place_while_anything_else_is_a_replacement():
    live = wanted()
    one = tpus(live)[0].address
    tpu = live.by_address[one]
    assert isinstance(tpu, QueuedTpu)
    changes = ((replace(tpu, state="SUSPENDED"), ["update"]), (replace(tpu, runtime_version="other"), ["delete", "create"]))
    for changed, actions in changes:
        graph = Graph.of(changed if each.address == one else each for each in live)
        assert [change.action for change in diff(wanted(), graph, owner="test")] == actions


def test_an_api_that_is_on_beyond_what_is_wanted_is_no_drift():
    live = Graph.of([ServiceSet(name=SERVICES.name, enabled=(*enabled(wanted("")), "tpu.googleapis.com"))])
    assert SERVICES not in {change.address for change in diff(wanted(""), live, owner="test")}
    assert SERVICES in {
        change.address for change in diff(wanted(), Graph.of([ServiceSet(name=SERVICES.name, enabled=enabled(wanted("")))]), owner="test")
    }


def enabled(graph: Graph) -> tuple[str, ...]:
    services = graph.by_address[SERVICES]
    assert isinstance(services, ServiceSet)
    return services.enabled


@pytest.mark.parametrize(
    ("name", "chips", "vms"), [("v5litepod-1", 1, 1), ("v5litepod-8", 8, 1), ("v5litepod-16", 16, 4), ("v5litepod-256", 256, 64)]
)
def test_the_number_in_a_v5e_name_counts_chips(name: str, chips: int, vms: int):
    assert (tpu_v5e.SLICES[name].chips, tpu_v5e.SLICES[name].vms) == (chips, vms)
    assert tpu_v5e.chips_of(name) == chips
    assert tpu_v5e.chips_of("v6e-4") == 0


def test_it_is_in_use_until_what_it_stands_on_may_go():
    (one, *_) = tpus(wanted())
    assert {each.target.kind for each in one.references()} >= {"network", "subnetwork", "service_account", "scheduler_job"}
    assert Address(kind="log_sink", scope="global", name="ironwood-ledger") in {each.target for each in one.references()}
