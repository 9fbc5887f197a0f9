"""One HTTPS port for every API, as Google's own hosts have: what speaks HTTP/2 is gRPC, everything else is REST.

1. TLS ends here, with a certificate of this state's own authority (``/_emulator/ca.pem``); what is inside is passed on as it is, to the plain ports.
2. A connection that ends on one side ends on the other, so that a lost connection is one here too.
3. It answers peers on this machine only: behind it everybody looks like one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from typing import TYPE_CHECKING

from emulator import authority
from emulator.dataplane.tls import loaded
from emulator.rules import documented
from emulator.settings import SettingsError

if TYPE_CHECKING:
    from emulator.world import World

CHUNK = 1 << 16
documented(
    "one-https-port", "An API's REST and gRPC are reached at one host and port; ALPN tells them apart: h2 is gRPC, http/1.1 is REST."
)


class HttpsFront:
    """The listener of ``--https-port``."""

    def __init__(self, world: World, sockets: tuple[tuple[str, int], tuple[str, int]]) -> None:
        """``sockets``: where REST and where gRPC are spoken in the clear."""
        self._world = world
        self._rest, self._rpc = sockets
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> str:
        """Listen; answers HOST:PORT. Raises SettingsError when the port is taken."""
        key, certificate = authority.of(self._world).sign(dict.fromkeys((host, "127.0.0.1", "localhost")))
        context: ssl.SSLContext = loaded({"key": key, "pem": certificate})
        context.set_alpn_protocols(["h2", "http/1.1"])
        try:
            self._server = await asyncio.start_server(self._accepted, host, port, ssl=context)
        except OSError as error:
            raise SettingsError(f"--https-port {port} on {host}: {error.strerror}; choose another port") from error
        return "{}:{}".format(*self._server.sockets[0].getsockname()[:2])

    async def close(self) -> None:
        """Stop listening and end what is open."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            if not ipaddress.ip_address(writer.get_extra_info("peername")[0]).is_loopback:
                return
            chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
            inner_reader, inner_writer = await asyncio.open_connection(*(self._rpc if chosen == "h2" else self._rest))
            try:
                ways = {asyncio.create_task(_pass(reader, inner_writer)), asyncio.create_task(_pass(inner_reader, writer))}
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
            finally:
                inner_writer.close()
        except OSError:
            pass  # one side went away: so does the other
        finally:
            self._open.discard(task)
            writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
