"""Memorystore for Redis and the private way to it: the instance, a range reserved for Google's services, the connection of the VPC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class PeeringRange(Resource):
    """A range of the VPC that Google's services take addresses from; it costs nothing. Marked in its labels, and in its description until they are set.

    `cidr` is wanted where the profile says it, else what Google chose.
    """

    kind: ClassVar[str] = "peering_range"
    marking: ClassVar[Marking] = "labels"
    immutable: ClassVar[frozenset[str]] = frozenset({"network", "prefix_length", "cidr"})

    network: Address
    prefix_length: int
    cidr: str = observed("")
    labels: tuple[tuple[str, str], ...] = ()
    created: str = observed("")

    def differences(self, other: Resource) -> dict[str, tuple[object, object]]:
        """A range nobody asked for is as good as any."""
        found = super().differences(other)
        if isinstance(other, PeeringRange) and self.cidr and other.cidr and self.cidr != other.cidr:
            found["cidr"] = (self.cidr, other.cidr)
        return found


@dataclass(frozen=True, kw_only=True)
class PrivateConnection(Resource):
    """The peering of a VPC with Google's services, by the VPC's name. It cannot be marked: it is ours if the state object in the bucket `memory` says so.

    That is written before it is made. One with ranges of others is shared and never removed.
    """

    kind: ClassVar[str] = "private_connection"
    marking: ClassVar[Marking] = "recorded"

    network: Address
    ranges: tuple[Address, ...]
    memory: Address | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class RedisInstance(Resource):
    """A Memorystore instance. Marked in its labels. Its AUTH string is no part of it: who needs it reads it, and nobody writes it down.

    `connection` is the private connection it is reached through; None where it is peered directly. A newer `version` is an upgrade in place.
    """

    kind: ClassVar[str] = "redis_instance"
    marking: ClassVar[Marking] = "labels"
    immutable: ClassVar[frozenset[str]] = frozenset({"tier", "network", "connection", "transit_encryption"})

    network: Address
    connection: Address | None
    memory_gib: int
    tier: str
    version: str
    auth: bool
    transit_encryption: bool
    maxmemory_policy: str
    labels: tuple[tuple[str, str], ...]
    range: str = observed("")
    host: str = observed("")
    port: int = observed(0)
    zone: str = observed("")
    state: str = observed("")
    authority: str = observed("")
    created: str = observed("")
