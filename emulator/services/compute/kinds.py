"""What makes a Compute resource kind, and the table's base.

1. A kind with nothing special is one ``Kind(...)`` row in ``table.py``; a special one subclasses it in a file of its own.
2. References are declared by path; in-use checks, normalisation and rendering follow from the declaration.
"""

# ruff: noqa: ARG002  # the hooks of a kind share one signature; each uses what it needs
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]


class Scope(StrEnum):
    """Where a kind lives."""

    GLOBAL = "global"
    REGION = "regions"
    ZONE = "zones"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A field that names another resource. ``blocks``: the resource named cannot be deleted while this one names it."""

    path: str
    blocks: bool = True
    must_exist: bool = True


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One resource kind of one Compute service.

    ``service`` is the API's name (``globalAddresses``), ``collection`` the path segment (``addresses``), ``item`` the path variable;
    ``noun`` what in-use messages call it. ``fingerprint_on`` are the verbs that demand an up-to-date fingerprint;
    ``insert_type`` is the operationType of an insert.
    """

    service: str
    collection: str
    scope: Scope
    kind: str
    noun: str
    item: str
    quota: str
    verbs: tuple[str, ...] = ("insert", "get", "list", "delete")
    defaults: Json = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    required: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()
    fingerprint: bool = False
    fingerprint_on: tuple[str, ...] = ()
    labels: bool = False
    bills: bool = False
    async_in_use: bool = False
    insert_type: str = "insert"

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Defaults and checks of an insert; raises ApiError."""
        return resource

    def check_change(self, call: Call, old: Json, new: Json) -> Json:
        """Checks of a patch or update; answers the resource to keep."""
        return new

    def view(self, world: World, resource: Json, link: str, now: int) -> Json:
        """Fields derived when read."""
        return {}

    def inserted(self, world: World, link: str, now: int) -> None:
        """After the insert's operation is done."""

    def changed(self, world: World, link: str, now: int) -> None:
        """After a patch or update is done."""

    def deleted(self, world: World, link: str, resource: Json, now: int) -> None:
        """After the delete's operation is done."""

    def users(self, world: World, link: str) -> Iterable[str]:
        """Users of a resource beyond those the references show."""
        return ()

    def refuse_delete(self, world: World, link: str) -> ApiError | None:
        """A reason of the kind's own not to delete."""
        return None


OUTPUT_ONLY = frozenset({"id", "kind", "selfLink", "selfLinkWithId", "creationTimestamp", "labelFingerprint", "status", "usedBy", "users"})
