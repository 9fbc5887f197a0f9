"""What a driver does, and the one set of Compute verbs that most kinds share.

A kind with nothing special is a `ComputeDriver` row: a client, the names of its parameters, and two functions between
resource and message. "Already exists" is read back and compared; "not found" on delete is success.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from google.cloud import compute_v1

from cloud.connection import CALL_SECONDS, Connection
from cloud.errors import translated
from cloud.journal import Attempt
from cloud.operations import finish
from ironwood.errors import ConflictError, NotFoundError
from ironwood.resources.base import GLOBAL, Resource

R = TypeVar("R", bound=Resource)

ONCE: Final[dict[str, Any]] = {"retry": None, "timeout": CALL_SECONDS}
"""How every request is sent: with a deadline, and not repeated behind our back."""


class Driver(Protocol[R]):
    """How one kind is observed and changed. Every method returns only when the cloud has finished."""

    @property
    def resource(self) -> type[R]:
        """The kind it drives."""

    def observe(self, connection: Connection) -> Iterable[R]:
        """Every live object of the kind, in every scope, ours or not."""

    def create(self, connection: Connection, attempt: Attempt, after: R) -> None:
        """Make it."""

    def update(self, connection: Connection, attempt: Attempt, before: R, after: R) -> None:
        """Bring it from `before` to `after`, in place."""

    def delete(self, connection: Connection, attempt: Attempt, before: R) -> None:
        """Remove it; that it is gone already is success."""


@dataclass(frozen=True, kw_only=True)
class ComputeDriver(Generic[R]):
    """A Compute kind. `client` is its client class, `item` its path parameter, `body` its request body.

    `encode(connection, resource)` makes the message, `decode(message, scope)` reads one. Updates replace the whole object
    (PUT) with the fingerprint just read, so that what somebody added by hand is taken back.
    """

    resource: type[R]
    client: type
    item: str
    body: str
    encode: Callable[[Connection, R], Any]
    decode: Callable[[Any, str], R]
    level: Literal["global", "regions", "zones"] = "global"

    def observe(self, connection: Connection) -> Iterator[R]:
        """List the kind in every scope."""
        client: Any = connection.client(self.client)
        with translated(f"listing {self.resource.kind}"):
            if self.level == GLOBAL:
                for message in client.list(project=connection.project, **ONCE):
                    yield self.decode(message, GLOBAL)
                return
            for scope, scoped in client.aggregated_list(project=connection.project, **ONCE):
                for message in _items(scoped):
                    yield self.decode(message, scope)

    def read(self, connection: Connection, resource: R) -> Any:
        """The live message at `resource`'s address; raises NotFoundError."""
        client: Any = connection.client(self.client)
        with translated(f"reading {resource.address}"):
            return client.get(request=self.place(connection, resource), **ONCE)

    def live(self, connection: Connection, resource: R) -> R:
        """What stands at `resource`'s address now; raises NotFoundError."""
        return self.decode(self.read(connection, resource), resource.scope)

    def create(self, connection: Connection, attempt: Attempt, after: R) -> None:
        """Insert it; an object of ours that is there already and equal is what we wanted."""
        client: Any = connection.client(self.client)
        request = self.scope(connection, after) | {self.body: self.encode(connection, after)}
        try:
            self.write(
                connection,
                attempt,
                f"creating {after.address}",
                lambda key: client.insert_unary(request=request | {"request_id": key}, **ONCE),
            )
        except ConflictError:
            found = self.live(connection, after)
            if not self.accepts(found, after):
                raise

    def accepts(self, found: R, after: R) -> bool:
        """Whether what stands there already is what a create was to make."""
        return found.owner == after.owner and not found.differences(after)

    def update(self, connection: Connection, attempt: Attempt, before: R, after: R) -> None:
        """Replace it by `after`, guarded by its fingerprint."""
        del before
        client: Any = connection.client(self.client)
        live = self.read(connection, after)
        message = self.encode(connection, after)
        if "fingerprint" in type(message).meta.fields:
            message.fingerprint = live.fingerprint
        request = self.place(connection, after) | {self.body: message}
        self.write(
            connection, attempt, f"updating {after.address}", lambda key: client.update_unary(request=request | {"request_id": key}, **ONCE)
        )

    def delete(self, connection: Connection, attempt: Attempt, before: R) -> None:
        """Delete it and wait until it is gone."""
        client: Any = connection.client(self.client)
        request = self.place(connection, before)
        try:
            self.write(
                connection,
                attempt,
                f"deleting {before.address}",
                lambda key: client.delete_unary(request=request | {"request_id": key}, **ONCE),
            )
        except NotFoundError:
            return

    def write(self, connection: Connection, attempt: Attempt, doing: str, send: Callable[[str], compute_v1.Operation]) -> None:
        """Send one write, which `send` makes of the request id given, and wait for its operation."""
        with attempt.write(doing) as key, translated(doing):
            operation = send(key)
        finish(connection, operation, doing)

    def scope(self, connection: Connection, resource: R) -> dict[str, Any]:
        """The path parameters of the resource's collection."""
        level, _, where = resource.scope.partition("/")
        return {"project": connection.project} | ({} if level == GLOBAL else {level.removesuffix("s"): where})

    def place(self, connection: Connection, resource: R) -> dict[str, Any]:
        """The path parameters of the resource itself."""
        return self.scope(connection, resource) | {self.item: resource.name}


def _items(scoped: Any) -> Iterator[Any]:
    """The one repeated field of a scoped list that is not its warning."""
    for name in type(scoped).meta.fields:
        if name != "warning":
            yield from getattr(scoped, name)
