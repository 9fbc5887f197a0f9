"""The VPC and its subnet, firewall rules, router and address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class Network(Resource):
    """A custom-mode VPC. Marked in its description, which Google does not let anyone change later."""

    kind: ClassVar[str] = "network"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"owner", "mtu"})

    mtu: int
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class Subnetwork(Resource):
    """The range the VMs live in. Marked in its description, fixed at creation."""

    kind: ClassVar[str] = "subnetwork"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"owner", "network", "cidr"})

    network: Address
    cidr: str
    private_google_access: bool
    flow_logs: bool
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class Allow:
    """One protocol and the ports it may reach; no ports means all."""

    protocol: str
    ports: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Firewall(Resource):
    """An ingress rule for the VMs tagged `target_tag`. Marked in its description."""

    kind: ClassVar[str] = "firewall"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"network"})

    network: Address
    allowed: tuple[Allow, ...]
    source_ranges: tuple[str, ...]
    target_tag: str
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class Router(Resource):
    """A router that carries one NAT for every subnet range. Marked in its description."""

    kind: ClassVar[str] = "router"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"network"})

    network: Address
    nat_name: str
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class GlobalAddress(Resource):
    """A global external IPv4 address. Marked in its labels, and in its description until they are set."""

    kind: ClassVar[str] = "address"
    marking: ClassVar[Marking] = "labels"

    labels: tuple[tuple[str, str], ...] = ()
    ip: str = observed("")
    created: str = observed("")
