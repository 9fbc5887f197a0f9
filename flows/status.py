"""Status: how a profile stands, everything it owns, and the outputs the seed's Terraform gives; the page to open first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from prefect import flow

from cloud.connection import Connection, connect
from flows.command_line import Argument, run
from flows.reconcile import API_NAMES, ours
from flows.run_names import named
from ironwood.cost.estimate import Estimate, estimate
from ironwood.graph import Graph
from ironwood.lease import read
from ironwood.outage import regions_of
from ironwood.outputs import outputs
from ironwood.profile import Profile
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.base import Resource
from ironwood.resources.cache import RedisInstance
from ironwood.resources.group import InstanceGroup
from ironwood.resources.https import Certificate, HttpsProxy
from ironwood.resources.load_balancer import ForwardingRule
from ironwood.resources.queued_tpu import QueuedTpu, StrayTpu
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.vertex import DeployedModel
from ironwood.sizes import shown
from ironwood.tpu import region_of
from tasks import report
from tasks.inputs import load_price_book, load_profile
from tasks.leads import leads_of, learned
from tasks.observe import observe
from tasks.status_page import write_status_page
from tasks.target import sizes_to_find

COLUMNS = ("kind", "name", "scope", "state", "age", "$/hour")


@flow(name="status", flow_run_name=named("status of {profile}"))
def status(profile: str = "embedded", form: Literal["text", "json"] = "text") -> int:
    """Kind, name, scope, state, age and $/hour of everything owned, and the seed's outputs; returns how many objects that is.

    With --json standard output is one JSON object, and what is said to people goes to standard error.
    """
    with report.beside(form):
        return _told(profile, form)


def _told(profile: str, form: Literal["text", "json"]) -> int:
    wanted = load_profile(profile)
    connection = connect(wanted)
    report.opening(wanted, connection)
    seen = observe(connection, API_NAMES)
    graph = ours(seen.live, wanted)
    owned = [each for each in graph if each.owner == wanted.name]
    costs = estimate(graph, load_price_book(wanted.price_book))
    by_address = {
        each.address: sum((line.hourly_usd for line in costs.lines if line.address == each.address), Decimal(0)) for each in owned
    }
    now = connection.clock.now()
    rows = [(each.kind, each.name, each.scope, _state(each), _age(each, now), report.usd(by_address[each.address])) for each in owned]
    given = outputs(wanted, Graph.of(owned))
    report.page(f"owned-{wanted.name}", f"status of profile {wanted.name}", rows, COLUMNS)
    sentences = [*_outages(owned, seen.down), *_sentences(connection, wanted, graph, owned, costs)]
    for head, text in sentences:
        report.say(head, text)
    write_status_page(wanted, sentences, rows, COLUMNS, given)
    if form == "json":
        resources = [
            {
                "kind": each.kind,
                "name": each.name,
                "scope": each.scope,
                "state": _state(each),
                "created": _created(each),
                "hourly_usd": float(by_address[each.address]),
            }
            for each in owned
        ]
        report.json_object(
            {
                "profile": wanted.name,
                "project": wanted.project_id,
                "at": now.isoformat(),
                "price_book": costs.book,
                "hourly_usd": float(costs.hourly_usd),
                "resources": resources,
                "outputs": given,
            }
        )
    return len(owned)


def _outages(owned: list[Resource], down: frozenset[str]) -> Iterator[tuple[str, str]]:
    for region in sorted(down & regions_of(owned)):
        vms = sum(each.size for each in owned if isinstance(each, InstanceGroup) and region_of(each.scope) == region)
        yield (
            "outage",
            f"{region} is down, Google says: its {vms} VMs neither serve nor bill, and come back with it; the other regions serve",
        )


def _sentences(connection: Connection, wanted: Profile, graph: Graph, owned: list[Resource], costs: Estimate) -> Iterator[tuple[str, str]]:
    """How it stands: a heading and a text each."""
    for each in owned:
        if isinstance(each, Certificate):
            yield "certificate", f"{each.status} for {', '.join(each.domains)}"
        if isinstance(each, ForwardingRule):
            scheme = "https" if isinstance(graph.get(each.target), HttpsProxy) else "http"
            yield "serves on", f"{scheme}://{each.ip}:{each.port}"
    now_wanted = sizes_to_find(connection, wanted, None)
    until = f" until {now_wanted.next_change:%a %d %b %H:%M} UTC" if now_wanted.next_change else ""
    yield ("wanted", f"{shown(wanted, now_wanted.sizes)}{until}")
    ends = [found.end for each in owned if isinstance(each, SchedulerJob) and (found := read(each.schedule, now=connection.clock.now()))]
    if ends:
        yield ("leases", f"until {min(ends):%a %d %b %H:%M} UTC, then Google empties the tiers unless a run has renewed them")
    for tier, lead in leads_of(wanted, learned(connection, wanted)):
        yield ("lead time", f"{tier} in {wanted.enabled_tiers[tier].zone}: {lead}")
    yield ("status", f'{len(owned)} objects, {report.usd(costs.hourly_usd)}/h at price book "{costs.book}"')


def _state(resource: Resource) -> str:
    if isinstance(resource, InstanceGroup):
        lacking = f"{resource.lacking} not there, " if resource.lacking else ""
        return f"{resource.size} VMs, {lacking}{'stable' if resource.stable else 'changing'}"
    if isinstance(resource, Autoscaler):
        return "; ".join([f"{resource.mode}, {resource.least} to {resource.most} VMs", *resource.told])
    if isinstance(resource, Certificate):
        return resource.status
    if isinstance(resource, QueuedTpu | StrayTpu | RedisInstance | SchedulerJob):
        return resource.state
    if isinstance(resource, DeployedModel):
        return f"{resource.replicas} replicas"
    return "there"


def _created(resource: Resource) -> str | None:
    """When it was made, where its kind tells."""
    return str(getattr(resource, "created", "")) or None


def _age(resource: Resource, now: datetime) -> str:
    created = _created(resource)
    return _short(now - datetime.fromisoformat(created)) if created else ""


def _short(age: timedelta) -> str:
    hours, minutes = divmod(int(age.total_seconds()) // 60, 60)
    return f"{hours // 24}d {hours % 24}h" if hours >= 24 else f"{hours}h {minutes:02d}m"


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", dest="form", action="store_const", const="json", help="one JSON object on standard output")


if __name__ == "__main__":
    sys.exit(run(status, Argument.PROFILE, more=_more))
