"""What every resource is: a frozen value with an address, references, and a marker of its owner.

1. A field that holds an `Address` (also inside a tuple or a part) is a reference; order is derived from nothing else.
2. A field named in `immutable` cannot be changed in place: a difference there is a replacement.
3. A field made with `observed()` is told by the cloud and never desired; it takes no part in a comparison.
4. `owner` is the profile's name as read from the marker, "" where there is none.
5. Every resource but the set of APIs itself refers to that set: nothing can be made through an API that is off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import ClassVar, Literal, TypeVar

T = TypeVar("T")

Marking = Literal["description", "labels", "user_labels", "display_name", "member", "recorded", "none"]
"""Where a kind carries its marker. `member`: it is ours if it speaks of an account of ours. `recorded`: the state object says so. `none`: it cannot, and is kept on teardown."""

GLOBAL = "global"


@dataclass(frozen=True, kw_only=True, order=True)
class Address:
    """Where a resource is found: `kind`, `scope` ("global", "regions/R", "zones/Z") and `name`; `project` where it is not the profile's own."""

    kind: str
    scope: str
    name: str
    project: str = ""

    def __str__(self) -> str:
        """`kind/scope/name`, e.g. `instance_group/zones/us-central1-c/ironwood-cluster-small-001`."""
        return f"{self.kind}/{f'{self.project}/' if self.project else ''}{self.scope}/{self.name}"


SERVICES = Address(kind="service_set", scope=GLOBAL, name="required-apis")
"""Where a project's enabled APIs stand in every graph."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """That `field` of a resource refers to `target`."""

    field: str
    target: Address


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Base of all kinds."""

    kind: ClassVar[str]
    marking: ClassVar[Marking]
    immutable: ClassVar[frozenset[str]] = frozenset()

    name: str
    scope: str = GLOBAL
    owner: str = ""

    @property
    def address(self) -> Address:
        """Where this resource is found."""
        return Address(kind=self.kind, scope=self.scope, name=self.name)

    def references(self) -> Iterator[Reference]:
        """Every address this resource names, by field."""
        if self.address != SERVICES:
            yield Reference(field="api", target=SERVICES)
        for each in fields(self):
            for target in _addresses(getattr(self, each.name)):
                yield Reference(field=each.name, target=target)

    def differences(self, other: Resource) -> dict[str, tuple[object, object]]:
        """Fields in which `other` differs, as (mine, its); observed fields do not count."""
        pairs = {each.name: (getattr(self, each.name), getattr(other, each.name)) for each in fields(self) if each.compare}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def observed(default: T) -> T:
    """A field the cloud tells; never desired, never compared."""
    return field(default=default, compare=False)


def _addresses(value: object) -> Iterator[Address]:
    if isinstance(value, Address):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _addresses(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from _addresses(getattr(value, each.name))
