"""The development TPUs that bill, as the cloud tells of them.

1. A TPU VM bills from READY, which is when the operation that made it ended, until an operation that takes it away begins; what no operation tells of
began with the node. 2. It is known by its zone, its name and the second it was made in. 3. Its slice is one here, however many VMs it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from google.cloud import tpu_v2

from cloud import tpu_api
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE
from ironwood import tpu_v5e
from ironwood.cost.ledger import Make, Vm
from ironwood.desired.development import LABEL, TIER
from ironwood.resources.queued_tpu import QueuedTpu

MADE, ENDED = ("create", "start"), ("delete", "stop")
BILLS = "READY"
NODE = "nodes/"
LATE = timedelta(seconds=2)
"""By how much the two tellings of when a node was made may differ."""


def running(connection: Connection, owner: str) -> list[Vm]:
    """Every TPU VM that bears the marker of `owner` and bills."""

    def listed(parent: str) -> list[tpu_v2.Node]:
        nodes = tpu_api.client(connection).list_nodes(parent=parent, **ONCE)
        return [each for each in nodes if marker.owner_in_labels(each.labels) == owner and each.state.name == BILLS]

    found = []
    for zone, nodes in tpu_api.in_zones(connection, listed):
        told = tpu_api.operations(connection, zone) if nodes else []
        found += [_vm(node, zone, told) for node in nodes]
    return found


def told(connection: Connection, zone: str, name: str, make: Make) -> list[Vm]:
    """What the operations on the node `name` tell: every stretch it billed."""
    return list(_stretches(tpu_api.operations(connection, zone), zone, name, make))


def gone(connection: Connection, zones: Iterable[str], makes: dict[str, Make], head: str) -> list[Vm]:
    """The stretches that have ended, of every node whose name begins with `head` and of which `makes` says what it is, by name."""
    found = []
    for zone in sorted(set(zones)):
        operations = tpu_api.operations(connection, zone)
        nodes = {each.target.removeprefix(NODE) for each in operations if each.target.startswith(NODE + head)}
        stretches = (vm for name in sorted(nodes & makes.keys()) for vm in _stretches(operations, zone, name, makes[name]))
        found += [vm for vm in stretches if vm.end is not None]
    return found


def _stretches(operations: list[tpu_api.Told], zone: str, name: str, make: Make) -> Iterator[Vm]:
    of_node = sorted((each for each in operations if each.target == NODE + name), key=lambda each: each.start)
    begun: tuple[datetime, datetime] | None = None
    for each in of_node:
        if each.verb in MADE and each.end is not None and begun is None:
            begun = (each.start, each.end)
        elif each.verb in ENDED and begun is not None and each.start >= begun[1]:
            yield Vm(id=_id(zone, name, begun[0]), make=make, start=begun[1], end=each.start)
            begun = None
    if begun is not None:
        yield Vm(id=_id(zone, name, begun[0]), make=make, start=begun[1])


def _vm(node: tpu_v2.Node, zone: str, operations: list[tpu_api.Told]) -> Vm:
    name = node.name.rpartition("/")[2]
    chips = tpu_v5e.chips_of(node.accelerator_type)
    make = Make(
        group=f"{QueuedTpu.kind}/zones/{zone}/{name}",
        tier=f"{TIER} {node.labels.get(LABEL, '')}".strip(),
        zone=zone,
        consumption="spot" if node.scheduling_config.spot or node.scheduling_config.preemptible else "on_demand",
        family=tpu_v5e.FAMILY,
        pod_chips=chips,
        chips=chips,
        disk_gib=0,
    )
    made = node.create_time
    last = [each for each in _stretches(operations, zone, name, make) if each.end is None and each.start >= made - LATE]
    return last[-1] if last else Vm(id=_id(zone, name, made), make=make, start=made)


def _id(zone: str, name: str, made: datetime) -> str:
    return f"{zone}/{name}/{int(made.timestamp())}"
