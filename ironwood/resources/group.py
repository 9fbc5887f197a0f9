"""TPU VMs: the template they are made from, the groups that hold them, the slices they form, and VMs no group holds any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed
from ironwood.resources.secret import SecretUse


@dataclass(frozen=True, kw_only=True)
class InstanceTemplate(Resource):
    """What every VM of a tier is made from. Immutable: its name carries the hash of its content. Marked in its description.

    `secrets`: what its VMs read as they start; the names alone are in it.
    """

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
            "reservation",
            "longest_run_hours",
            "secrets",
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
    reservation: str = ""
    longest_run_hours: int = 0
    secrets: tuple[SecretUse, ...] = field(default=(), repr=False)  # not in the hash where there are none: their script is
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class WorkloadPolicy(Resource):
    """The shape the VMs of a slice are placed in, e.g. `4x8x8`. Regional, immutable. Marked in its description."""

    kind: ClassVar[str] = "workload_policy"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"owner", "topology"})

    topology: str
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class Canary:
    """That `vms` VMs of a group are made from another template than the rest."""

    template: Address
    vms: int


PROVISIONING_MODELS: Mapping[str, str] = {
    "on_demand": "STANDARD",
    "spot": "SPOT",
    "flex_start": "FLEX_START",
    "reserved": "RESERVATION_BOUND",
}
"""Compute's name of each way to order."""


@dataclass(frozen=True, kw_only=True)
class Billed:
    """How a group is entered in the ledger: the sink that must be there first, and what one of its VMs is as it is priced."""

    ledger: Address
    tier: str
    consumption: str
    family: str
    pod_chips: int
    chips: int
    disk_gib: int


@dataclass(frozen=True, kw_only=True)
class InstanceGroup(Resource):
    """A zonal managed instance group of TPU VMs. Marked in its description, fixed at creation.

    `size` is its target in VMs; `lacking` how many of them are not there, which is never desired. Growing waits until the VMs are healthy;
    shrinking drains the VMs it names first. With a `workload_policy` it is one slice: all of its VMs or none, never repaired singly.
    Without a `health_check` Google does not repair its VMs. `patience`: how long it may stand still before that is a stockout. `lease`: the job
    that empties it when nobody of ours lives; it is there, and has been seen to reach the group, before the first VM. `autoscaler`: the name of
    one that somebody has given the group. `billed`: how its size is entered in the ledger, if one is kept.
    """

    kind: ClassVar[str] = "instance_group"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"owner", "base_instance_name", "workload_policy"})

    template: Address
    health_check: Address | None
    base_instance_name: str
    startup_grace_seconds: int
    port: int
    size: int
    workload_policy: Address | None = None
    canary: Canary | None = None
    lacking: int = 0
    patience: timedelta = field(default=timedelta(minutes=45), compare=False)
    lease: Address | None = field(default=None, compare=False)  # how a plan is ordered, nothing the cloud holds
    autoscaler: str = observed("")
    billed: Billed | None = field(default=None, compare=False)
    stable: bool = observed(True)
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class EndpointGroup(Resource):
    """The way to a slice: a zonal network endpoint group with one endpoint, worker 0 of `group`.

    Only worker 0 of a slice serves HTTP. `attached`: that its endpoint is worker 0 of the group as it stands now, or none while the group is
    empty. Marked in its description, fixed at creation.
    """

    kind: ClassVar[str] = "endpoint_group"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"owner", "network", "subnetwork", "group", "port"})

    network: Address
    subnetwork: Address
    group: Address
    port: int
    attached: bool = True
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
