"""Kinds of the newer APIs that we name: four calls a kind, and the one way to use them.

These APIs take no request id; a name says what is meant. "Already exists" is read back and compared, "not found" on delete is success.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cloud.connection import Connection
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.errors import ConflictError, NotFoundError
from ironwood.resources.base import Resource

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, kw_only=True)
class NamedDriver(Generic[R]):
    """A kind by its four calls: `listing` every object, `make` one, `change` one from before to after, `remove` one."""

    resource: type[R]
    listing: Callable[[Connection], Iterable[R]]
    make: Callable[[Connection, R], None]
    change: Callable[[Connection, R, R], None]
    remove: Callable[[Connection, R], None]

    def observe(self, connection: Connection) -> list[R]:
        """Every live object."""
        with translated(f"listing {self.resource.kind}"):
            return list(self.listing(connection))

    def create(self, connection: Connection, attempt: Attempt, after: R) -> None:
        """Make it; an equal one of ours that is there already is what we wanted."""
        doing = f"creating {after.address}"
        try:
            with attempt.write(doing), translated(doing):
                self.make(connection, after)
        except ConflictError:
            found = next((each for each in self.observe(connection) if each.address == after.address), None)
            if found is None or found.owner != after.owner or found.differences(after):
                raise

    def update(self, connection: Connection, attempt: Attempt, before: R, after: R) -> None:
        """Bring it from `before` to `after`."""
        doing = f"updating {after.address}"
        with attempt.write(doing), translated(doing):
            self.change(connection, before, after)

    def delete(self, connection: Connection, attempt: Attempt, before: R) -> None:
        """Remove it."""
        doing = f"deleting {before.address}"
        try:
            with attempt.write(doing), translated(doing):
                self.remove(connection, before)
        except NotFoundError:
            return
