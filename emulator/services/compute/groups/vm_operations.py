"""What a group does to its VMs shows as operations on them: one `insert` a VM until it runs, one `delete` until it is gone.

They are read off the VMs while those live, and off one small record a VM when it is gone; nothing runs for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.rules import assumed, documented
from emulator.services.compute import links
from emulator.services.compute.groups.fleet import Fleet, Vm, instance_link

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "vm_operations"
KEPT = 14 * 86_400 * 1_000_000
"""Microseconds for which a VM that is gone still shows its operations."""
documented("operations-kept", "Completed operations have a limited retention period.")
assumed(
    "group-vm-operations",
    "A group's VMs show an insert operation that ends when the VM is RUNNING and a delete operation that ends when it is gone; kept for 14 days.",
)
assumed(
    "vm-failure-operation",
    "A VM that stops for good, or is lost and made anew, shows an operation compute.instances.hostError or compute.instances.preempted.",
)


def note_gone(world: World, fleet: Fleet, vm: Vm) -> None:
    """Keep what the operations of a VM tell once it is gone."""
    if vm.run is None:
        return
    row = {
        "link": instance_link(fleet.link, vm.name),
        "created": vm.created,
        "run": vm.run,
        "failed": vm.failed,
        "spot": vm.model == "SPOT",
        "removing": vm.removing,
        "gone": vm.gone,
        "lost": vm.why == "lost",
    }
    world.store.put(TAB, vm.id, row)


def vm_operations(world: World, prefix: str, now: int) -> Iterator[Json]:
    """The operations on VMs whose key begins with ``prefix``, in the form the other operations are kept in."""
    for fleet in world.groups.fleets.all():
        if prefix.startswith("/".join(fleet.link.split("/")[:4])):
            for vm in fleet.vms.values():
                if vm.run is not None:
                    link = instance_link(fleet.link, vm.name)
                    yield from _of(link, vm.id, vm.created, vm.run, vm.failed, vm.model == "SPOT", vm.removing, vm.gone, now)
                    if vm.why == "lost" and vm.removing is not None:
                        yield _loss(link, vm.id, vm.model == "SPOT", vm.removing, vm.gone, now)
    for number, row in world.store.items(TAB):
        if prefix.startswith("/".join(row["link"].split("/")[:4])) and row["gone"] > now - KEPT:
            yield from _of(
                row["link"],
                number,
                row["created"],
                row["run"],
                row["failed"],
                row["spot"],
                row["removing"] or row["gone"],
                row["gone"],
                now,
            )
            if row.get("lost"):
                yield _loss(row["link"], number, row["spot"], row["removing"] or row["gone"], row["gone"], now)


def _of(
    link: str, number: str, created: int, run: int, failed: int | None, spot: bool, removing: int | None, gone: int | None, now: int
) -> Iterator[Json]:
    if gone is None or run <= gone:
        yield _operation(link, number, "insert", created, run if run <= now else None)
    if failed is not None:
        yield _loss(link, number, spot, failed, failed, now)
    if removing is not None:
        yield _operation(link, number, "delete", removing, gone if gone is not None and gone <= now else None)


def _loss(link: str, number: str, spot: bool, begun: int, end: int | None, now: int) -> Json:
    kind = f"compute.instances.{'preempted' if spot else 'hostError'}"
    return _operation(link, number, kind, begun, end if end is not None and end <= now else None)


def _operation(link: str, number: str, kind: str, begun: int, end: int | None) -> Json:
    digest = hashlib.blake2b(f"{kind}-{number}".encode(), digest_size=15).hexdigest()
    name = f"operation-{begun // 1000}-{digest[:13]}-{digest[13:21]}-{digest[21:29]}"
    return {
        "key": f"{'/'.join(link.split('/')[:4])}/operations/{name}",
        "name": name,
        "id": str(10**18 + int(digest[:15], 16)),
        "operationType": kind,
        "target": link,
        "targetId": number,
        "user": f"service@{links.name_of('/'.join(link.split('/')[:2]))}.iam.gserviceaccount.com",
        "begun": begun,
        "end": end,
        "done": end is not None,
        "error": None,
    }
