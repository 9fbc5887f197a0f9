"""A graph of resources: addresses to resources, with the references between them.

1. An address stands once. 2. In a desired graph every reference leads to a resource of the graph.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from ironwood.errors import PlanError
from ironwood.resources.base import Address, Reference, Resource


@dataclass(frozen=True)
class Graph:
    """An immutable set of resources by address."""

    by_address: Mapping[Address, Resource] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> Graph:
        """The graph of `resources`; raises PlanError when two share an address."""
        found: dict[Address, Resource] = {}
        for resource in resources:
            if resource.address in found:
                raise PlanError(f"{resource.address} stands twice in one graph")
            found[resource.address] = resource
        return cls(MappingProxyType(found))

    def __iter__(self) -> Iterator[Resource]:
        """Every resource, in the order given."""
        return iter(self.by_address.values())

    def __len__(self) -> int:
        """How many resources."""
        return len(self.by_address)

    def __contains__(self, address: Address) -> bool:
        """Whether something stands at `address`."""
        return address in self.by_address

    def get(self, address: Address) -> Resource | None:
        """The resource at `address`, or None."""
        return self.by_address.get(address)

    def owned_by(self, owner: str) -> Graph:
        """Only what carries the marker of `owner`."""
        return Graph.of(resource for resource in self if resource.owner == owner)

    @cached_property
    def dependents(self) -> Mapping[Address, tuple[tuple[Resource, Reference], ...]]:
        """For each address, the resources that refer to it, with the reference."""
        found: dict[Address, list[tuple[Resource, Reference]]] = {}
        for resource in self:
            for reference in resource.references():
                found.setdefault(reference.target, []).append((resource, reference))
        return {address: tuple(users) for address, users in found.items()}

    def closed(self, given: Collection[Address] = ()) -> Graph:
        """Itself; raises PlanError when a reference leads nowhere. `given` are addresses of things that are not ours to make."""
        for resource in self:
            for reference in resource.references():
                if reference.target not in self and reference.target not in given:
                    raise PlanError(f"{resource.address}.{reference.field} refers to {reference.target}, which is not in the graph")
        return self
