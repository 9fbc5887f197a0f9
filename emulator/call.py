"""One call of one API method, without its wire: what handlers are given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.requests_log import Entry
    from emulator.world import World

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Wire:
    """The bytes and headers of a REST request: its body, or its answer, may be no JSON; a header may say which version is meant."""

    payload: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Raw:
    """An answer that is no JSON object with status 200."""

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """``values``: the request's fields by proto name in snake_case (Compute) or JSON name (newer APIs); ``body``: Compute's resource.

    ``caller`` is the member that calls, ``entry`` the request's line in the log.
    """

    world: World
    method: str
    values: Json
    body: Json = field(default_factory=dict)
    version: str = "v1"
    now: int
    wire: Wire | None = None
    caller: str = "user:owner@example.com"
    entry: Entry | None = None

    def text(self, name: str) -> str:
        """A required value."""
        return str(self.values[name])

    @property
    def request_id(self) -> str | None:
        """Compute's ``requestId``."""
        return self.values.get("request_id")


Answer = Json | Raw
Handler = Callable[[Call], Answer | Awaitable[Answer]]


class Methods:
    """The handlers by method id."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def add(self, method: str, handler: Handler) -> None:
        """Register the handler of a method; one method has one."""
        if method in self._handlers:
            raise ValueError(f"{method} has two handlers")
        self._handlers[method] = handler

    def find(self, method: str) -> Handler | None:
        """The handler, or None."""
        return self._handlers.get(method)

    def names(self) -> list[str]:
        """All methods served."""
        return sorted(self._handlers)
