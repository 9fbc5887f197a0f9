"""Kinds whose ids Google makes: found by marker and display name in a list before every create, so that a lost response makes no second one.

Several of ours under one display name are drift: the oldest keeps the name, each other stands under the name with its id, is desired by nobody and
goes with the next reconcile. An object without a marker never stands under a plain name: a stranger's may be called as ours is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from cloud.connection import Connection
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.errors import NotFoundError
from ironwood.resources.monitoring import AlertPolicy, NotificationChannel, UptimeCheck

_ONE_AT_A_TIME = threading.Lock()
"""Google wants changes of a project's alert policies one by one (documented); whoever holds this waits for nothing but one answer."""

S = TypeVar("S", AlertPolicy, NotificationChannel, UptimeCheck)


def told_apart(found: Iterable[S]) -> list[S]:
    """`found`, oldest first and named by display name, with every name that is not one's own made so by its id."""
    taken: set[str] = set()
    out = []
    for each in found:
        plain = bool(each.owner) and each.name not in taken
        if plain:
            taken.add(each.name)
        out.append(each if plain else replace(each, name=f"{each.name} ({each.id.rpartition('/')[2]})"))
    return out


@dataclass(frozen=True, kw_only=True)
class ServerNamedDriver(Generic[S]):
    """A kind by its four calls. `listing` tells every object, oldest first, named by display name; `change` and `remove` take Google's id."""

    resource: type[S]
    listing: Callable[[Connection], Iterable[S]]
    make: Callable[[Connection, S], None]
    change: Callable[[Connection, str, S], None]
    remove: Callable[[Connection, str], None]

    def observe(self, connection: Connection) -> list[S]:
        """Every live object."""
        with translated(f"listing {self.resource.kind}"):
            return told_apart(self.listing(connection))

    def create(self, connection: Connection, attempt: Attempt, after: S) -> None:
        """Make it, unless it is there already; one that differs is brought into shape."""
        with _ONE_AT_A_TIME:
            found = next((each for each in self.observe(connection) if (each.name, each.owner) == (after.name, after.owner)), None)
            if found is None:
                doing = f"creating {after.address}"
                with attempt.write(doing), translated(doing):
                    self.make(connection, after)
                return
        if found.differences(after):
            self.update(connection, attempt, found, after)

    def update(self, connection: Connection, attempt: Attempt, before: S, after: S) -> None:
        """Bring the object with `before`'s id to `after`."""
        doing = f"updating {after.address}"
        with _ONE_AT_A_TIME, attempt.write(doing), translated(doing):
            self.change(connection, before.id, after)

    def delete(self, connection: Connection, attempt: Attempt, before: S) -> None:
        """Remove the object with `before`'s id."""
        doing = f"deleting {before.address}"
        try:
            with _ONE_AT_A_TIME, attempt.write(doing), translated(doing):
                self.remove(connection, before.id)
        except NotFoundError:
            return
