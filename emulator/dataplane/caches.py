"""The data path of Memorystore: behind each instance's address a Redis-compatible server, `fakeredis`, with TLS and AUTH before it.

1. The address handed out is of the emulator's pool, so that it can really be reached; its certificate names it. 2. Without AUTH nothing passes.
3. What is kept lives in memory: it is gone with the process, times to live run in this machine's time, and nothing is ever evicted, whatever the
policy says (the package cannot). 4. Another primary cuts every connection off; the replica's data are the primary's.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fakeredis import FakeRedis, TcpFakeServer
from redis.exceptions import ResponseError

from emulator import authority
from emulator.dataplane.tls import loaded
from emulator.rules import assumed, documented
from emulator.services.redis import gate
from emulator.services.redis.instances import TAB, lose_primary

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
SERVING = frozenset({"READY", "UPDATING", "MAINTENANCE"})
CHUNK = 1 << 16
BACKLOG_POLL = 0.05  # real seconds until a server that is told to stop looks
documented("redis-auth-enforced", "With AUTH every command before a right AUTH, or HELLO with AUTH, is answered NOAUTH.")
assumed(
    "redis-host",
    "An instance's host is of the emulator's address pool, not of its reserved range, so that it can be reached; its certificate names it.",
)
assumed(
    "redis-in-memory",
    "What a cache holds is gone when the emulator stops; times to live are of real time; nothing is evicted, whatever the policy.",
)
assumed("redis-info", "INFO and MEMORY are unknown commands: the package that serves has none.")


def _patient(handler: Any) -> Any:
    """The package's handler, which ends a connection after any error it answers, so that it goes on as Redis does."""

    class Patient(handler):  # type: ignore[misc]  # only known once the server is there
        def setup(self) -> None:
            super().setup()
            read = self.current_client.read_response

            def answer(*given: Any, **named: Any) -> Any:
                try:
                    return read(*given, **named)
                except ResponseError as error:
                    return error

            self.current_client.read_response = answer

    return Patient


@dataclass(kw_only=True)
class _Node:
    """The primary: a server in a thread of its own."""

    server: TcpFakeServer

    @classmethod
    def started(cls, auth: str) -> _Node:
        server = TcpFakeServer(("127.0.0.1", 0), server_version=(7, 0))
        server.daemon_threads = True
        server.RequestHandlerClass = _patient(server.RequestHandlerClass)
        if auth:
            server.fake_server.config[b"requirepass"] = auth.encode()
        threading.Thread(target=server.serve_forever, args=(BACKLOG_POLL,), daemon=True).start()
        return cls(server=server)

    def copied_to(self, other: _Node) -> None:
        """Every key of every database, with what is left of its time to live."""
        for number in list(self.server.fake_server.dbs):
            mine, its = (FakeRedis(server=each.server.fake_server, db=number) for each in (self, other))
            for key in mine.scan_iter():
                value, left = mine.dump(key), mine.pttl(key)
                if value is not None:
                    its.restore(key, max(0, left), value, replace=True)

    @property
    def port(self) -> int:
        """Where it listens, on loopback."""
        return int(self.server.server_address[1])

    async def stop(self) -> None:
        """End it with its connections."""
        await asyncio.get_running_loop().run_in_executor(None, self.server.shutdown)
        self.server.server_close()


@dataclass(kw_only=True)
class _Cache:
    """An instance's listener and the node behind it."""

    row: Json
    node: _Node
    listener: asyncio.Server
    clients: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def made(self) -> str:
        """Which instance of its name it is."""
        return str(self.row["instance"]["createTime"])

    def cut(self) -> None:
        """Cut every client off."""
        for writer in list(self.clients):
            writer.transport.abort()
        self.clients.clear()


class Caches:
    """Follows the instances."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._caches: dict[str, _Cache] = {}

    async def run(self) -> None:
        """Follow them, for ever."""
        while True:
            await self.follow()
            await self._world.change(1.0)

    async def follow(self) -> None:
        """Serve where an instance is, and as it is."""
        for fault in self._world.faults.of("redis_primary_lost"):
            fault.state = "done"
            lose_primary(self._world, fault.spec["instance"])
        rows = {name: row for name, row in self._world.store.items(TAB) if row["instance"].get("host")}
        for name, cache in list(self._caches.items()):
            row = rows.get(name)
            if row is None or row["instance"]["state"] == "DELETING" or row["instance"]["createTime"] != cache.made:
                await self._end(self._caches.pop(name))
        for name, row in rows.items():
            known = self._caches.get(name)
            if known is None and row["instance"]["state"] in SERVING:
                with contextlib.suppress(OSError):  # taken for now: tried again at the next look
                    self._caches[name] = await self._start(name, row)
            elif known is not None:
                await self._moved(known, row)

    async def _moved(self, cache: _Cache, row: Json) -> None:
        before, cache.row = cache.row, row
        if row["node"] != before["node"]:
            old, cache.node = cache.node, _Node.started(row["auth"])
            if not row["empty"]:
                old.copied_to(cache.node)
            cache.cut()
            await old.stop()
        elif row["instance"]["state"] not in SERVING:
            cache.cut()

    async def _start(self, name: str, row: Json) -> _Cache:
        instance = row["instance"]
        context: ssl.SSLContext | None = None
        if instance["transitEncryptionMode"] == "SERVER_AUTHENTICATION":
            key, pem = authority.of(self._world).sign([instance["host"]])
            context = loaded({"key": key, "pem": pem})
            context.minimum_version = ssl.TLSVersion.TLSv1_2

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(name, reader, writer)

        node = _Node.started(row["auth"])
        try:
            listener = await asyncio.start_server(serve, instance["host"], instance["port"], ssl=context)
        except OSError:
            await node.stop()
            raise
        return _Cache(row=row, node=node, listener=listener)

    async def _end(self, cache: _Cache) -> None:
        cache.listener.close()
        cache.cut()
        await cache.node.stop()

    async def close(self) -> None:
        """Stop serving."""
        for cache in self._caches.values():
            await self._end(cache)
        self._caches.clear()

    async def _serve(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cache = self._caches.get(name)
        if cache is None or cache.row["instance"]["state"] not in SERVING:
            writer.transport.abort()
            return
        cache.clients.add(writer)
        auth = cache.row["auth"] if cache.row["instance"].get("authEnabled") else ""
        behind: asyncio.StreamWriter | None = None
        answers: asyncio.Task[None] | None = None
        try:
            back, behind = await asyncio.open_connection("127.0.0.1", cache.node.port)
            answers = asyncio.create_task(_pump(back, writer))
            await gate.passing(reader, writer, behind, auth)
        except (OSError, asyncio.IncompleteReadError, gate.ProtocolError, ssl.SSLError):
            pass
        finally:
            cache.clients.discard(writer)
            if answers is not None:
                answers.cancel()
            for each in (behind, writer):
                if each is not None:
                    each.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
    target.close()
