"""Cloud Scheduler v1 over REST and gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator.billing import Usage, counted
from emulator.call import Call, Methods
from emulator.rules import assumed, documented
from emulator.services.cloudscheduler import jobs
from emulator.services.cloudscheduler.firing import Firing
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods
from emulator.wire.routes import Route, transport_routes

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "cloudscheduler.googleapis.com"
SKU = "scheduler.job"
_HEAD = "cloudscheduler.projects.locations.jobs."
RPCS = {
    "CreateJob": _HEAD + "create", "GetJob": _HEAD + "get", "ListJobs": _HEAD + "list", "UpdateJob": _HEAD + "patch", "DeleteJob": _HEAD + "delete",
    "PauseJob": _HEAD + "pause", "ResumeJob": _HEAD + "resume", "RunJob": _HEAD + "run",
    "ListLocations": "cloudscheduler.projects.locations.list",
}  # fmt: skip
documented("bill-scheduler", "A job costs 0.10 $ a month, paused or not, beyond the first three of a billing account.")
assumed("bill-scheduler-month", "A job's month is charged by the second, 730 hours to the month.")


def register(world: World, methods: Methods) -> None:
    """Add the handlers, the agenda, the usage and the inventory."""
    firing = Firing(world)
    world.agendas.append(firing)
    world.inventories.append(_inventory)
    world.meter.sources.append(lambda now: _usages(world, now))

    def run(call: Call) -> Json:
        """Fire a job now, whatever its schedule and state."""
        row = jobs.find(call, call.text("name"))
        firing.fire(row["name"], row, call.now)
        return jobs.view(world.store.get(jobs.TAB, row["name"]) or row, call.now)

    handlers = {
        "create": jobs.create, "get": jobs.get, "list": jobs.list_, "patch": jobs.patch, "delete": jobs.delete, "pause": jobs.pause,
        "resume": jobs.resume, "run": run,
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(_HEAD + verb, handler)
    methods.add("cloudscheduler.projects.locations.list", jobs.locations)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    del methods
    return transport_routes(API, "google.cloud.scheduler_v1", "cloud_scheduler", RPCS.get)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    from google.cloud.scheduler_v1.services.cloud_scheduler.transports.grpc import CloudSchedulerGrpcTransport  # slow import

    for rpc in grpc_methods(CloudSchedulerGrpcTransport):
        if rpc.rpc in RPCS:
            yield API, RPCS[rpc.rpc], rpc


def _usages(world: World, now: int) -> Iterator[Usage]:
    free = world.meter.prices.free(SKU)
    spans = [(row["start"], row["end"]) for _, row in world.store.items(jobs.SPANS)]
    for start, end, count in counted(spans, now):
        if count > free:
            resource = f"projects/{world.project}/jobs"
            yield Usage(resource=resource, kind="cloudscheduler.jobs", sku=SKU, quantity=Decimal(count - free), start=start, end=end)


def _inventory(world: World) -> Iterator[Json]:
    for name, row in world.store.items(jobs.TAB):
        _, _, _, location, _, identifier = name.split("/")
        yield {
            "kind": "cloudscheduler.jobs",
            "scope": f"regions/{location}",
            "name": identifier,
            "self_link": name,
            "description": row["job"].get("description", ""),
            "labels": {},
            "billing": True,
            "state": "READY",
        }
