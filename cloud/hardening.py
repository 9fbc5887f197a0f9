"""How the VMs of a profile really stand: whether they are shielded, and whether the internet reaches them past the load balancer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from ironwood.desired.marks import LABEL_KEY


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One VM: which of Secure Boot, vTPM and integrity monitoring it lacks, and its external addresses."""

    name: str
    lacks: tuple[str, ...]
    addresses: tuple[str, ...]


def standing(connection: Connection, owner: str) -> list[Standing]:
    """Every VM that bears the marker of `owner`."""
    request = compute_v1.AggregatedListInstancesRequest(project=connection.project, filter=f'labels.{LABEL_KEY} = "{owner}"')
    client = connection.client(compute_v1.InstancesClient)
    with translated("looking how VMs are shielded"):
        pages = client.aggregated_list(request=request, **ONCE)
        return [
            Standing(name=each.name, lacks=tuple(_lacks(each)), addresses=tuple(_addresses(each)))
            for _, scoped in pages
            for each in scoped.instances
        ]


def _lacks(vm: compute_v1.Instance) -> Iterator[str]:
    shield = vm.shielded_instance_config
    if not shield.enable_secure_boot:
        yield "Secure Boot"
    if not shield.enable_vtpm:
        yield "vTPM"
    if not shield.enable_integrity_monitoring:
        yield "integrity monitoring"


def _addresses(vm: compute_v1.Instance) -> Iterator[str]:
    """Its external addresses; one that has none yet but is to get one is told as `external`."""
    for nic in vm.network_interfaces:
        for access in (*nic.access_configs, *nic.ipv6_access_configs):
            yield access.nat_i_p or access.external_ipv6 or "external"
