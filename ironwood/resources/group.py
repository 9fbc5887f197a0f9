"""TPU VMs: the template they are made from, the groups that hold them, and VMs no group holds any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class InstanceTemplate(Resource):
    """What every VM of a tier is made from. Immutable: its name carries the hash of its content. Marked in its description."""

    kind: ClassVar[str] = "instance_template"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset(
        {
            "owner",
            "machine_type",
            "image_family",
            "boot_disk_gib",
            "provisioning_model",
            "network",
            "subnetwork",
            "service_account",
            "tags",
            "labels",
            "startup_script",
        }
    )

    machine_type: str
    image_family: str
    boot_disk_gib: int
    provisioning_model: str
    network: Address
    subnetwork: Address
    service_account: Address
    tags: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    startup_script: str
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class InstanceGroup(Resource):
    """A zonal managed instance group of single-host TPU VMs. Marked in its description, fixed at creation.

    `size` is its target in VMs. Growing it waits until the VMs are healthy; shrinking it drains the VMs it names first.
    """

    kind: ClassVar[str] = "instance_group"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"owner", "base_instance_name"})

    template: Address
    health_check: Address
    base_instance_name: str
    startup_grace_seconds: int
    port: int
    size: int
    stable: bool = observed(True)
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class StrayInstance(Resource):
    """A VM with our label that no group holds. Never desired; deleted when found, before what it `holds` in use."""

    kind: ClassVar[str] = "stray_instance"
    marking: ClassVar[Marking] = "labels"
    immutable: ClassVar[frozenset[str]] = frozenset({"machine_type"})

    machine_type: str = ""
    holds: tuple[Address, ...] = observed(())
    created: str = observed("")
