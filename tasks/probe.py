"""Probe what was built, as a client would: over HTTP, through the load balancer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from cloud import facts
from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.addresses import backend_url
from cloud.drivers.instance_group import INSTANCE_GROUP
from ironwood.graph import Graph
from ironwood.outage import regions_of
from ironwood.plan import Plan
from ironwood.profile import Profile
from ironwood.resources.autoscaler import ON, Autoscaler
from ironwood.resources.base import Address
from ironwood.resources.group import EndpointGroup, InstanceGroup
from ironwood.resources.load_balancer import BackendService
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.tpu import region_of
from tasks import probe_development, probe_https, probe_security, reach
from tasks.finding import Finding
from tasks.probe_vertex import let_in, predictions
from tasks.retries import google_task

PREDICT = "/v1/predict"
QUESTION = {"instances": [{"text": "Hello, this is a test inference request"}]}
CALL_SECONDS = 30.0
HEALTHY_WITHIN = timedelta(minutes=10)
POLL = timedelta(seconds=5)
NOT_FOUND = 5
"""google.rpc.Code of a 404: what a job that deletes is answered where there is nothing."""
OK = 200
NOBODY = 502
"""What the load balancer answers while no VM is behind a service (documented)."""


@dataclass
class Load:
    """Requests sent in the background and what became of them: HTTP status, or "lost" where the connection broke."""

    url: str
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def sent(self) -> int:
        """Requests sent so far."""
        return sum(self.answers.values())

    @property
    def failed(self) -> int:
        """Requests that were not answered 200."""
        return self.sent - self.answers[str(OK)]


@contextmanager
def under_load(
    urls: tuple[str, ...], *, pause_seconds: float = 0.02, clients: Callable[[], httpx.Client] = httpx.Client
) -> Iterator[dict[str, Load]]:
    """Keep predictions coming to every one of `urls`, one at a time each, while the block runs; yields the counts by URL.

    `clients` makes the client of each, `tasks.reach.clients` those that know where domains are served.
    """
    loads = {url: Load(url=url) for url in urls}
    stop = threading.Event()
    threads = [threading.Thread(target=_keep_asking, args=(load, stop, pause_seconds, clients), daemon=True) for load in loads.values()]
    for thread in threads:
        thread.start()
    try:
        yield loads
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@google_task(name="validate", run_name="probe every route")
def probe(
    connection: Connection, live: Graph, wanted: Graph, drift: Plan, profile: Profile, down: frozenset[str] = frozenset()
) -> list[Finding]:
    """The validation table: drift, regions, groups, backend health, and a prediction through every route of the URL map.

    What is in a region that is `down` is not waited for.
    """
    with connection.clock.participating("validate"):
        findings = [Finding(check="no drift", passed=not len(drift), found=drift.summary if len(drift) else "live is as desired")]
        findings += [_region(region, down) for region in sorted(regions_of(wanted)) if profile.regions or region in down]
        scaled = {each.group: each for each in live if isinstance(each, Autoscaler) and each.address in wanted and each.mode == ON}
        findings += [
            _group(connection, each, scaled.get(each.address), down)
            for each in live
            if isinstance(each, InstanceGroup) and each.address in wanted
        ]
        findings += [_scaler(each) for each in scaled.values()]
        findings += [_job(each) for each in live if isinstance(each, SchedulerJob) and each.address in wanted]
        findings += [
            finding
            for each in live
            if isinstance(each, BackendService) and each.address in wanted
            for finding in _backends(connection, each, live, scaled, down)
        ]
        findings += probe_development.findings(connection, live, wanted)
        findings += probe_security.standing(connection, profile.name)
        live = probe_https.settled(connection, live, wanted, profile)
    findings += predictions(connection, live, wanted)
    findings += probe_https.findings(connection, live, wanted, profile)
    clients = reach.clients(connection, live, wanted)
    ways = [(url, into, _vms(into, live)) for url, into in routes(live, wanted)]
    # Not a participant while it waits for an answer: stepped time has to pass for the model server.
    findings += [_prediction(url, into, vms, clients) for url, into, vms in ways]
    return findings + probe_security.findings(connection, live, wanted, [url for url, _, vms in ways if vms])


def routes(live: Graph, wanted: Graph) -> list[tuple[str, BackendService]]:
    """The URL of a prediction through each route of ours, with the backend service it leads to; none while HTTPS is pending."""
    base, url_map = reach.base(live, wanted), reach.routing_map(live, wanted)
    if not base or url_map is None or url_map.default_service is None:
        return []
    prefixes = {"": url_map.default_service} | {f"/{prefix}": route.service for route in url_map.routes for prefix in route.prefixes}
    services = {prefix: live.get(address) for prefix, address in prefixes.items()}
    return [(f"{base}{prefix}{PREDICT}", service) for prefix, service in services.items() if isinstance(service, BackendService)]


def _region(region: str, down: frozenset[str]) -> Finding:
    return Finding(check=f"region {region}", passed=region not in down, found="is down, Google says" if region in down else "is up")


def _within(connection: Connection, address: Address, down: frozenset[str]) -> datetime:
    """Until when something is waited for that may still come."""
    return connection.clock.now() + (timedelta() if region_of(address.scope) in down else HEALTHY_WITHIN)


def _group(connection: Connection, group: InstanceGroup, scaler: Autoscaler | None, down: frozenset[str]) -> Finding:
    if scaler is not None:  # it may change at any time, within its bounds
        within = scaler.least <= group.size <= scaler.most
        found = f"{group.size} VMs, {scaler.least} to {scaler.most} by its autoscaler"
        return Finding(check=f"group {group.name}", passed=within, found=found)
    deadline = _within(connection, group.address, down)
    while not group.stable and connection.clock.now() < deadline:
        sleep(connection.clock, POLL)
        group = INSTANCE_GROUP.live(connection, group)
    return Finding(
        check=f"group {group.name}", passed=group.stable, found=f"{group.size} VMs, {'stable' if group.stable else 'still changing'}"
    )


def _scaler(scaler: Autoscaler) -> Finding:
    """Whether it has what it goes by."""
    return Finding(check=f"autoscaler {scaler.name}", passed=scaler.status != "ERROR", found=", ".join([scaler.mode, *scaler.told]))


def _job(job: SchedulerJob) -> Finding:
    """Whether a job will run, and whether its last run was accepted."""
    last = (
        f"last run {job.last_run}: {'accepted' if not job.last_code else 'let in, nothing was deployed' if let_in(job) else f'refused with code {job.last_code}'}"
        if job.last_run
        else "never run"
    )
    if _found_nothing(job):
        last = f"last run {job.last_run}: let through, there was nothing to delete"
    return Finding(check=f"job {job.name}", passed=job.state == "ENABLED" and well(job), found=f"{last}; next {job.next_run}")


def well(job: SchedulerJob) -> bool:
    """Whether a job's last call was accepted, or let in where there was nothing to do."""
    return not job.last_code or _found_nothing(job) or let_in(job)


def _found_nothing(job: SchedulerJob) -> bool:
    return job.method == "DELETE" and job.last_code == NOT_FOUND


def _backends(
    connection: Connection, service: BackendService, live: Graph, scaled: Mapping[Address, Autoscaler], down: frozenset[str]
) -> Iterator[Finding]:
    for backend in service.backends:
        scaler = scaled.get(backend.group)
        want = _servers(live, backend.group) if scaler is None else scaler.least
        url = backend_url(connection.project, backend.group)
        deadline = _within(connection, backend.group, down)
        while (healthy := facts.health(connection, service.name, url).get("HEALTHY", 0)) < want and connection.clock.now() < deadline:
            sleep(connection.clock, POLL)
        yield Finding(
            check=f"health {service.name} <- {backend.group.name}",
            passed=healthy == want or (scaler is not None and healthy > want),
            found=f"{healthy} of {want} healthy",
        )


def _vms(service: BackendService, live: Graph) -> int:
    """VMs that serve behind a service."""
    return sum(_servers(live, backend.group) for backend in service.backends)


def _servers(live: Graph, backend: Address) -> int:
    """How many VMs of a backend serve: all of a group's, worker 0 of a slice."""
    group = live.get(backend)
    if isinstance(group, EndpointGroup):
        behind = live.get(group.group)
        return int(isinstance(behind, InstanceGroup) and behind.size > 0)
    return group.size if isinstance(group, InstanceGroup) else 0


def _prediction(url: str, into: BackendService, vms: int, clients: Callable[[], httpx.Client]) -> Finding:
    check = f"POST {httpx.URL(url).path} -> {into.name}"
    began = time.perf_counter()
    try:
        with clients() as client:
            answer = client.post(url, json=QUESTION, timeout=CALL_SECONDS)
    except httpx.HTTPError as error:
        return Finding(check=check, passed=False, found=f"{type(error).__name__} at {url}")
    if not vms:
        found = f"{answer.status_code}: the tier is at zero, nobody is to answer"
        return Finding(check=check, passed=answer.status_code == NOBODY, found=found)
    took = (time.perf_counter() - began) * 1_000
    served = answer.json().get("servedBy", "") if answer.status_code == OK else ""
    # The simulated model server names the VM; a real one need not.
    right = not served or any(served.startswith(backend.group.name.replace("-worker-", "-cluster-")) for backend in into.backends)
    return Finding(
        check=check,
        passed=answer.status_code == OK and right,
        found=f"{answer.status_code} in {took:.0f} ms{f' by {served}' if served else ''}",
    )


def _keep_asking(load: Load, stop: threading.Event, pause_seconds: float, clients: Callable[[], httpx.Client]) -> None:
    with clients() as client:
        client.timeout = httpx.Timeout(CALL_SECONDS)
        while not stop.is_set():
            try:
                load.answers[str(client.post(load.url, json=QUESTION).status_code)] += 1
            except httpx.HTTPError:
                load.answers["lost"] += 1
            stop.wait(pause_seconds)
