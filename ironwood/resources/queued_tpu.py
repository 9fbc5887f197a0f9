"""Development TPUs: queued resources of the Cloud TPU API, and TPU VMs no queued resource holds any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed
from ironwood.resources.group import Billed

ACTIVE = "ACTIVE"


@dataclass(frozen=True, kw_only=True)
class QueuedTpu(Resource):
    """A queued resource with its one node, a v5e slice, under the same name. Marked in the labels of the node, which it tells itself.

    `state` is the queued resource's, `NODE_...` where it is active and its node is not READY: anything but ACTIVE is drift. One that is suspended
    or failed is deleted, because it counts against the quota, and ordered anew; nothing else of it can be changed in place. `patience`: how long it may wait until the
    order is cancelled. `lease`: the job that deletes it when nobody of ours lives; it is there, and has been seen to be let through, before the order.
    """

    kind: ClassVar[str] = "queued_tpu"
    marking: ClassVar[Marking] = "labels"
    immutable: ClassVar[frozenset[str]] = frozenset(
        {
            "owner",
            "accelerator_type",
            "runtime_version",
            "consumption",
            "network",
            "subnetwork",
            "service_account",
            "tags",
            "labels",
            "startup_script",
        }
    )

    accelerator_type: str
    runtime_version: str
    consumption: str
    network: Address
    subnetwork: Address
    service_account: Address
    tags: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    startup_script: str
    state: str = ACTIVE
    patience: timedelta = field(default=timedelta(hours=1), compare=False)
    lease: Address | None = field(default=None, compare=False)  # how a plan is ordered, nothing the cloud holds
    billed: Billed | None = field(default=None, compare=False)
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class StrayTpu(Resource):
    """A TPU VM with our label that no queued resource holds. Never desired; deleted when found, before what it `holds` in use."""

    kind: ClassVar[str] = "stray_tpu"
    marking: ClassVar[Marking] = "labels"

    accelerator_type: str = observed("")
    state: str = observed("")
    holds: tuple[Address, ...] = observed(())
    created: str = observed("")
