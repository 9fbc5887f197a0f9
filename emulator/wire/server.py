"""uvicorn with one thing more: a connection can be cut without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

_OPEN: dict[tuple[str, int], asyncio.Transport] = {}


class CuttableProtocol(H11Protocol):
    """Remembers its transport by the client's address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own signature
        """Remember the transport."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        if peer:
            _OPEN[peer[0], peer[1]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        peer = self.transport.get_extra_info("peername")
        if peer:
            _OPEN.pop((peer[0], peer[1]), None)
        super().connection_lost(exc)


def cut(scope: MutableMapping[str, Any]) -> None:
    """Cut the connection of a request, as if the network had failed."""
    client = scope.get("client")
    transport = _OPEN.get((client[0], client[1])) if client else None
    if transport is not None:
        transport.abort()
