"""The data plane: forwarding rules that really listen, and what becomes of the requests that reach them.

1. Every external forwarding rule listens on its own address and port; where the system cannot bind that, on a free port of 127.0.0.1.
2. No healthy backend is a 502, the backend service's timeout a 504, a VM that went away under a request a 502 counted as lost.
3. A change of the load balancer holds as soon as its operation is done: no propagation delay is documented, none is emulated.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import uvicorn

from emulator import zone
from emulator.billing import Usage
from emulator.dataplane import keys, tls
from emulator.dataplane.armor import Armor
from emulator.dataplane.backends import Backends, Choice
from emulator.dataplane.model_server import Answer, ModelServers, TimedOutError
from emulator.dataplane.nearness import CLIENTS, HEADER
from emulator.dataplane.routing import route
from emulator.dataplane.served import Served
from emulator.rules import assumed
from emulator.services.compute import links, records
from emulator.services.compute.groups.health import probe_target
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Json]]
Send = Callable[[Json], Awaitable[None]]
GIB = 1 << 30
CLIENT = HEADER.encode()
LISTENING = {"EXTERNAL", "EXTERNAL_MANAGED"}
assumed("no-healthy-upstream", "A request for which no backend VM is healthy is answered 502 'no healthy upstream'.")
assumed("lb-propagation", "A load balancer's change holds at the end of its operation, without a further delay.")


@dataclass(kw_only=True)
class _Listener:
    rule: str
    address: str
    port: int
    host: str
    bound: int
    scheme: str
    server: uvicorn.Server
    task: asyncio.Task[None]


class DataPlane:
    """Listeners and counts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._listeners: dict[str, _Listener] = {}
        self._backends = Backends(world)
        self._models = ModelServers(world)
        self._armor = Armor(world)
        self._busy: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        self._by_backend: dict[str, Counter[str]] = {}
        self._lock = asyncio.Lock()
        world.meter.sources.append(self._data)
        world.knock = self.knock

    async def run(self) -> None:
        """Follow the forwarding rules, for ever."""
        while True:
            await self.follow()
            await self._world.change(1.0)

    async def follow(self) -> None:
        """Listen where a rule wants it, and nowhere else."""
        async with self._lock:
            wanted: dict[str, Json] = {}
            for link, record in records.of_service(self._world, "globalForwardingRules"):
                if record["state"] != "CREATING" and record["resource"]["loadBalancingScheme"] in LISTENING:
                    wanted[link] = record["resource"]
            stale = [link for link, each in self._listeners.items() if link in wanted and each.scheme != _scheme(wanted[link])]
            for link in [link for link in self._listeners if link not in wanted] + stale:
                await self._stop(self._listeners.pop(link))
            for link, resource in wanted.items():
                if link not in self._listeners:
                    self._listeners[link] = self._start(link, resource)

    def _start(self, rule: str, resource: Json) -> _Listener:
        address, port, scheme = resource["IPAddress"], int(resource["portRange"].partition("-")[0]), _scheme(resource)
        sock = _bound(address, port)
        host, bound = sock.getsockname()[:2]
        config = uvicorn.Config(
            self._application(rule), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2, backlog=2048
        )
        if scheme == "https":
            config.load()
            config.ssl = tls.context(self._world, rule)
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # the process has its own
        task = asyncio.create_task(server.serve(sockets=[sock]))
        return _Listener(rule=rule, address=address, port=port, host=host, bound=bound, scheme=scheme, server=server, task=task)

    async def _stop(self, listener: _Listener) -> None:
        listener.server.should_exit = True
        await listener.task

    async def close(self) -> None:
        """Stop listening."""
        for listener in self._listeners.values():
            await self._stop(listener)
        self._listeners.clear()

    def reset(self) -> None:
        """Forget all counts."""
        self._counts.clear()
        self._by_backend.clear()
        self._models.reset()
        self._armor.reset()

    def listening(self) -> list[Json]:
        """Where each rule listens."""
        return [
            {
                "forwarding_rule": links.name_of(each.rule),
                "address": each.address,
                "port": each.port,
                "listening": f"{each.host}:{each.bound}",
                "url": f"{each.scheme}://{each.host}:{each.bound}",
            }
            for each in self._listeners.values()
        ]

    def counts(self) -> Json:
        """Requests by outcome, in all and by backend; and those in flight."""
        names = ("served", "4xx", "502", "503", "504", "lost")
        by_backend = {
            name: {**{key: counts[key] for key in names}, "in_flight": counts["in_flight"]} for name, counts in self._by_backend.items()
        }
        return {**{name: self._counts[name] for name in names}, "in_flight": self._counts["in_flight"], "by_backend": by_backend}

    # -- requests ----------------------------------------------------------------------------------------------------

    def _application(self, rule: str) -> Any:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self._serve(rule, scope, receive, send)

        return application

    async def _serve(self, rule: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        host = next((value.decode() for name, value in scope["headers"] if name == b"host"), "").partition(":")[0]
        world = self._world
        begun = world.clock.now()
        found = route(world, rule, host, scope["path"])
        if found and found.redirect:
            await _redirect(found.redirect, host, scope, send)
            return
        if (status := self._armor.refuses(found.service if found else None, scope["client"][0], begun)) is not None:
            self._counts["4xx"] += 1
            self._tell(rule, found.service if found else None, None, status, begun)
            await _page(send, status, "denied by security policy")
            return
        client = next((value.decode("latin-1") for name, value in scope["headers"] if name == CLIENT), CLIENTS)
        choice = self._backends.choose(found.service, self._busy, world.clock.now(), client) if found and found.service else None
        if choice is None or found is None or found.service is None:
            self._counts["502"] += 1
            self._tell(rule, found.service if found else None, None, 502, begun)
            await _page(send, 502, "no healthy upstream")
            return
        answer, outcome = await self._ask(choice, found.service, scope, found.path, body)
        self._counts[outcome] += 1
        self._by_backend[choice.backend][outcome] += 1
        self._traffic(found.service, len(body) + len(answer.body))
        self._tell(rule, found.service, choice, answer.status, begun)
        if outcome in {"lost", "504"}:
            await _page(send, answer.status, answer.body.decode())
            return
        await _send(send, answer.status, answer.body, "application/json")

    async def _ask(self, choice: Choice, service: str, scope: Scope, path: str, body: bytes) -> tuple[Answer, str]:
        world = self._world
        resource = records.resource(world, service) or {}
        check = records.resource(world, (resource.get("healthChecks") or [""])[0]) or {}
        deadline = world.clock.now() + int(resource.get("timeoutSec", 30)) * SECOND
        vm = choice.vm
        totals = self._by_backend.setdefault(choice.backend, Counter())
        self._busy[vm.id] = self._busy.get(vm.id, 0) + 1
        self._counts["in_flight"] += 1
        totals["in_flight"] += 1
        try:
            readiness = probe_target(check)[1] or "/"
            region, headers = choice.fleet.region, _headers(scope)
            answer = await self._models.answer(
                vm, scope["method"], path, body, headers=headers, readiness=readiness, deadline=deadline, region=region
            )
        except TimedOutError:
            return Answer(status=504, body=b"upstream request timeout"), "504"
        finally:
            self._busy[vm.id] -= 1
            self._counts["in_flight"] -= 1
            totals["in_flight"] -= 1
            if not self._busy[vm.id]:
                del self._busy[vm.id]
        world.settle()
        now = world.groups.fleets.get(choice.fleet.link).vms.get(vm.name)
        if now is None or now.id != vm.id:
            return Answer(status=502, body=b"backend_connection_closed_before_data_sent_to_client"), "lost"
        return answer, "served" if answer.status < 400 else "503" if answer.status == 503 else "4xx"

    def _tell(self, rule: str, service: str | None, choice: Choice | None, status: int, begun: int) -> None:
        """Let the witnesses know what became of a request."""
        backend, vm = (choice.backend, choice.vm) if choice else (None, None)
        ended = self._world.clock.now()
        for witness in self._world.witnesses:
            witness(Served(rule=rule, service=service, backend=backend, vm=vm, status=status, begun=begun, ended=ended))

    def knock(self, host: str, port: int, path: str) -> int | None:
        """The status of a GET from outside to an address or a name, worked out at once; None where nothing answers, or not with TLS.

        It takes the way of any request but waits for nothing, because a model server answers a GET without computing.
        """
        world = self._world
        address = host if host.replace(".", "").isdigit() else next(iter(zone.records(world, host, "A")), "")
        for rule, record in records.of_service(world, "globalForwardingRules"):
            resource = record["resource"]
            low, _, high = resource["portRange"].partition("-")
            if record["state"] == "CREATING" or resource["IPAddress"] != address or not int(low) <= port <= int(high or low):
                continue
            if "/targetHttpsProxies/" in resource["target"] and tls.certificate(world, rule, host) is None:
                return None
            found = route(world, rule, host, path)
            if found and found.redirect:
                return 301
            choice = self._backends.choose(found.service, self._busy, world.clock.now()) if found and found.service else None
            if choice is None or found is None or found.service is None:
                self._tell(rule, found.service if found else None, None, 502, world.clock.now())
                return 502
            service = records.resource(world, found.service) or {}
            check = records.resource(world, (service.get("healthChecks") or [""])[0]) or {}
            status = 200 if found.path == (probe_target(check)[1] or "/") else self._unanswered(choice, found.path)
            self._tell(rule, found.service, choice, status, world.clock.now())
            return status
        return None

    def _unanswered(self, choice: Choice, path: str) -> int:
        """What a GET of anything but the readiness path, without a key, is answered."""
        refused = keys.refused(self._world, choice.vm, {})
        return refused[0] if refused else 405 if path == "/v1/predict" else 404

    # -- billing -----------------------------------------------------------------------------------------------------

    def _traffic(self, service: str, size: int) -> None:
        row = self._world.store.get("traffic", service) or {"bytes": 0, "since": self._world.clock.now()}
        self._world.store.put("traffic", service, {**row, "bytes": row["bytes"] + size})

    def _data(self, _now: int) -> Iterator[Usage]:
        for service, row in self._world.store.items("traffic"):
            gib = Decimal(row["bytes"]) / GIB
            yield Usage(resource=service, kind="compute.backendServices", sku="load-balancer.data", quantity=gib, start=row["since"])


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _scheme(resource: Json) -> str:
    return "https" if "/targetHttpsProxies/" in resource["target"] else "http"


def _bound(address: str, port: int) -> socket.socket:
    """A socket on the rule's address, else on a free port of 127.0.0.1."""
    for host, wanted in ((address, port), ("127.0.0.1", 0)):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY only if told it is TCP
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, wanted))
        except OSError:
            sock.close()
            continue
        sock.setblocking(False)
        return sock
    raise OSError("no loopback port is free")


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Send, status: int, body: bytes, kind: str, extra: list[tuple[bytes, bytes]] | None = None) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), (b"via", b"1.1 google"), *(extra or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _page(send: Send, status: int, text: str) -> None:
    title = f"{status} Server Error"
    page = f"<html><head><title>{title}</title></head><body><h1>Error: Server Error</h1><h2>{text}</h2></body></html>\n"
    await _send(send, status, page.encode(), "text/html; charset=UTF-8")


async def _redirect(redirect: Json, host: str, scope: Scope, send: Send) -> None:
    scheme = "https" if redirect.get("httpsRedirect") else "http"
    where = redirect.get("pathRedirect") or scope["path"]
    query = scope.get("query_string", b"").decode()
    if query and not redirect.get("stripQuery"):
        where += f"?{query}"
    status = {"FOUND": 302, "SEE_OTHER": 303, "TEMPORARY_REDIRECT": 307, "PERMANENT_REDIRECT": 308}.get(
        redirect.get("redirectResponseCode", ""), 301
    )
    location = f"{scheme}://{redirect.get('hostRedirect') or host}{where}"
    await _send(send, status, b"", "text/html", [(b"location", location.encode())])
