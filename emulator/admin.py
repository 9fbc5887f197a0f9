"""The admin surface under ``/_emulator/``: for tests and operators on this machine, never for others."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from emulator import authority, zone
from emulator.access.orgpolicies import TAB as ORG_POLICIES
from emulator.dataplane import played
from emulator.dataplane.plane import DataPlane
from emulator.durations import BadDurationError
from emulator.faults import STATE_AFTER, BadFaultError
from emulator.inventory import inventory
from emulator.services.compute.catalog import REGIONS
from emulator.services.compute.shared_vpc import share
from emulator.services.monitoring import alerting
from emulator.services.orgpolicy.api import CONSTRAINTS
from emulator.services.orgpolicy.api import put as put_policy
from emulator.settings import VERSION
from emulator.times import parse, seconds, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[JSONResponse]]


def refused(message: str, status: int = 400) -> JSONResponse:
    """An admin error."""
    return JSONResponse({"error": message}, status_code=status)


STARTED = time.time()  # real seconds: a client that finds newer sources knows that other code runs here


class Admin:
    """Answers ``/_emulator/...``."""

    def __init__(self, world: World, plane: DataPlane) -> None:
        self._world = world
        self._plane = plane

    def routes(self) -> list[Route]:
        """The routes, each refusing peers from elsewhere."""
        table: list[tuple[str, str, Endpoint]] = [
            ("GET", "health", self.health),
            ("GET", "clock", self.clock),
            ("POST", "clock/advance", self.advance),
            ("POST", "clock/waiters", self.register),
            ("DELETE", "clock/waiters/{id}", self.unregister),
            ("POST", "clock/waiters/{id}/wait", self.wait),
            ("GET", "faults", self.faults),
            ("POST", "faults", self.set_fault),
            ("DELETE", "faults/{id}", self.lift_fault),
            ("GET", "bill", self.bill),
            ("GET", "requests", self.requests),
            ("GET", "permissions", self.permissions),
            ("GET", "inventory", self.inventory),
            ("POST", "reset", self.reset),
            ("GET", "quotas", self.quotas),
            ("PUT", "quotas", self.set_quotas),
            ("GET", "durations", self.durations),
            ("PUT", "durations", self.set_durations),
            ("GET", "dns", self.dns),
            ("PUT", "dns", self.set_dns),
            ("GET", "traffic", self.traffic),
            ("PUT", "traffic", self.set_traffic),
            ("GET", "orgpolicies", self.orgpolicies),
            ("POST", "shared_vpc", self.shared_vpc),
            ("PUT", "orgpolicies", self.set_orgpolicies),
            ("GET", "listeners", self.listeners),
            ("GET", "dataplane", self.dataplane),
            ("GET", "incidents", self.incidents),
            ("GET", "notifications", self.notifications),
        ]
        return [
            *(Route(f"/_emulator/{path}", _local(endpoint), methods=[method]) for method, path, endpoint in table),
            Route("/_emulator/ca.pem", self.authority, methods=["GET"]),
        ]

    async def health(self, _: Request) -> JSONResponse:
        """Whether it is up, and where."""
        settings = self._world.settings
        return JSONResponse(
            {
                "status": "ok",
                "pid": os.getpid(),
                "rest": f"{settings.host}:{settings.port}",
                "grpc": f"{settings.host}:{settings.grpc_port}",
                "dns": self._world.dns,
                "https": self._world.https,
                "clock": settings.clock,
                "scale": self._world.clock.scale,
                "project": settings.project,
                "project_number": settings.project_number,
                "address_pool": str(settings.address_pool),
                "state": str(settings.state) if settings.state else None,
                "version": VERSION,
                "started": STARTED,
            }
        )

    async def clock(self, _: Request) -> JSONResponse:
        """What time it is."""
        world = self._world
        world.settle()
        world.commit()
        return JSONResponse({"mode": world.clock.mode, "now": utc(world.clock.now()), "scale": world.clock.scale})

    async def advance(self, request: Request) -> JSONResponse:
        """Stepped mode: move the time on, letting each event happen at its instant."""
        world = self._world
        if world.clock.mode != "stepped":
            return refused(f"the clock is {world.clock.mode}; only --clock stepped can be advanced")
        body = await _body(request)
        try:
            now = world.clock.now()
            until = parse(body["until"]) if "until" in body else now + seconds(float(body["seconds"]))
        except (KeyError, ValueError, TypeError) as error:
            return refused(f'give {{"seconds": N}} or {{"until": "2026-09-01T00:01:00Z"}}: {error}')
        if until < now:
            return refused(f"{utc(until)} is before {utc(now)}; time does not go back")
        while True:
            following = [at for at in (world.next_due(), world.clock.next_sleeper()) if at is not None and at <= until]
            world.clock.move_to(min(following, default=until))
            world.settle()
            await asyncio.sleep(0)
            await world.quiet()
            if not following:
                break
        world.waiters.answer(world.clock.now())
        world.commit()
        return JSONResponse({"now": utc(world.clock.now())})

    async def register(self, request: Request) -> JSONResponse:
        """A waiter: time does not move while it does not wait."""
        body = await _body(request)
        return JSONResponse({"waiter": self._world.waiters.register(str(body.get("name", "")))})

    async def unregister(self, request: Request) -> JSONResponse:
        """The waiter is done."""
        known = self._world.waiters.unregister(request.path_params["id"])
        return JSONResponse({}) if known else refused(f"no waiter {request.path_params['id']}", 404)

    async def wait(self, request: Request) -> JSONResponse:
        """Answer when the time has come."""
        world, waiter = self._world, request.path_params["id"]
        if waiter not in world.waiters.names:
            return refused(f"no waiter {waiter}; register with POST /_emulator/clock/waiters", 404)
        body = await _body(request)
        try:
            until = parse(body["until"])
        except (KeyError, ValueError, TypeError) as error:
            return refused(f'give {{"until": "2026-09-01T00:01:00Z"}}: {error}')
        if until <= world.clock.now():
            return JSONResponse({"now": utc(world.clock.now())})
        if world.clock.mode != "stepped":
            reached: asyncio.Future[Any] = asyncio.ensure_future(world.clock.sleep_until(until))
        else:
            reached = asyncio.ensure_future(world.waiters.wait(waiter, until))
            world.wake()
        gone = asyncio.ensure_future(_disconnected(request))
        await asyncio.wait({reached, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not reached.done():
            reached.cancel()
            world.waiters.unregister(waiter)
        with contextlib.suppress(asyncio.CancelledError):
            await reached
        return JSONResponse({"now": utc(world.clock.now())})

    # -- faults, bill, log -------------------------------------------------------------------------------------------

    async def faults(self, _: Request) -> JSONResponse:
        """The faults now set."""
        return JSONResponse({"faults": self._world.faults.shown()})

    async def set_fault(self, request: Request) -> JSONResponse:
        """Set a fault."""
        world = self._world
        spec = await _body(request)
        now = world.settle()
        try:
            fault = world.faults.add(spec, now)
            if spec["type"] == "price":
                try:
                    world.meter.prices.change(spec["sku"], Decimal(str(spec["factor"])), now)
                except (ValueError, InvalidOperation) as error:
                    world.faults.remove(fault.id)
                    return refused(f"price fault: {error}")
            if spec["type"] in world.strikes:
                fault.state = STATE_AFTER.get(spec["type"], "done")
                world.strikes[spec["type"]](spec, now)
        except BadFaultError as error:
            return refused(str(error))
        world.groups.forget()
        world.changed()
        world.commit()
        return JSONResponse(fault.shown())

    async def lift_fault(self, request: Request) -> JSONResponse:
        """Lift a fault; a held request goes on, a changed price goes back to the list's."""
        world = self._world
        now = world.settle()
        fault = world.faults.remove(request.path_params["id"])
        if fault is None:
            return refused(f"no fault {request.path_params['id']}", 404)
        if fault.spec["type"] == "price":
            world.meter.prices.change(fault.spec["sku"], Decimal(1), now)
        world.groups.forget()
        world.changed()
        world.commit()
        return JSONResponse(fault.shown())

    async def bill(self, request: Request) -> JSONResponse:
        """The bill as of now, or of ``?from=...&until=...``."""
        now = self._world.settle()
        self._world.commit()
        given = request.query_params
        try:
            since = parse(given["from"]) if "from" in given else 0
            until = parse(given["until"]) if "until" in given else None
        except ValueError as error:
            return refused(f"from and until are instants such as 2026-09-01T00:01:00Z: {error}")
        return JSONResponse(self._world.meter.bill(now, since=since, until=until))

    async def requests(self, request: Request) -> JSONResponse:
        """The request log."""
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            return refused(f"since={since} is no number")
        writes = request.query_params.get("writes", "false").lower() in {"true", "1"}
        return JSONResponse({"requests": self._world.log.since(int(since), writes_only=writes)})

    async def permissions(self, _: Request) -> JSONResponse:
        """The permissions calls needed since the log began, each with its methods."""
        return JSONResponse({"permissions": self._world.log.permissions()})

    async def inventory(self, _: Request) -> JSONResponse:
        """What exists."""
        self._world.settle()
        return JSONResponse({"resources": inventory(self._world)})

    async def reset(self, _: Request) -> JSONResponse:
        """An empty project: no resources, bill, faults, log, changed quotas or durations. The clock goes on, the authority stays."""
        world = self._world
        world.faults.clear()
        world.store.clear(keep=frozenset({authority.TAB}))  # whoever trusts it goes on doing so
        world.durations.reset()
        world.operations.reload()
        world.groups.forget()
        world.log.clear()
        self._plane.reset()
        world.commit()
        return JSONResponse({})

    async def quotas(self, _: Request) -> JSONResponse:
        """Every limit."""
        return JSONResponse({"quotas": self._world.quotas.shown(list(REGIONS))})

    async def set_quotas(self, request: Request) -> JSONResponse:
        """Change limits."""
        try:
            self._world.quotas.set(await _body(request))
        except ValueError as error:
            return refused(str(error))
        self._world.commit()
        return await self.quotas(request)

    async def shared_vpc(self, request: Request) -> JSONResponse:
        """Have a host project share a network and a subnet with ours."""
        try:
            made = share(self._world, await _body(request))
        except ValueError as error:
            return refused(str(error))
        self._world.commit()
        return JSONResponse(made)

    async def durations(self, _: Request) -> JSONResponse:
        """Every duration in emulated seconds."""
        return JSONResponse({"durations": self._world.durations.shown()})

    async def set_durations(self, request: Request) -> JSONResponse:
        """Change durations; what is under way keeps its own."""
        try:
            self._world.durations.set(await _body(request))
        except BadDurationError as error:
            return refused(str(error))
        return await self.durations(request)

    async def dns(self, _: Request) -> JSONResponse:
        """The records set."""
        return JSONResponse({"dns": dict(self._world.store.items(zone.TAB))})

    async def set_dns(self, request: Request) -> JSONResponse:
        """Set names to their records, {"A": [...], "AAAA": [...], "CAA": [...]}; null forgets a name."""
        for name, kinds in (await _body(request)).items():
            if kinds is not None and (not isinstance(kinds, dict) or set(kinds) - set(zone.TYPES)):
                return refused(f"{name}: give some of {', '.join(zone.TYPES)}, each a list of texts, or null")
            if kinds is None:
                self._world.store.delete(zone.TAB, name.rstrip(".").lower())
            else:
                self._world.store.put(zone.TAB, name.rstrip(".").lower(), kinds)
        self._world.commit()
        return await self.dns(request)

    async def traffic(self, _: Request) -> JSONResponse:
        """The traces played, what serves behind them, and what became of their requests so far."""
        self._world.settle()
        return JSONResponse({"traffic": played.shown(self._world)})

    async def set_traffic(self, request: Request) -> JSONResponse:
        """Play traces at forwarding rules, by name; null stops one and forgets it."""
        try:
            played.change(self._world, await _body(request))
        except played.BadTrafficError as error:
            return refused(str(error))
        self._world.commit()
        return await self.traffic(request)

    async def authority(self, _: Request) -> Response:
        """The certificate of the authority that signs managed certificates."""
        pem = authority.of(self._world).pem
        self._world.commit()
        return PlainTextResponse(pem, media_type="application/x-pem-file")

    async def orgpolicies(self, _: Request) -> JSONResponse:
        """The rules of every constraint that is set."""
        return JSONResponse({"orgpolicies": {name: row["rules"] for name, row in self._world.store.items(ORG_POLICIES)}})

    async def set_orgpolicies(self, request: Request) -> JSONResponse:
        """Set constraints to lists of rules; null takes one away."""
        changes = await _body(request)
        unknown = [name for name in changes if name not in CONSTRAINTS]
        if unknown:
            return refused(f"{', '.join(unknown)}: there are {', '.join(CONSTRAINTS)}")
        for name, rules in changes.items():
            if rules is None:
                self._world.store.delete(ORG_POLICIES, name)
            else:
                put_policy(self._world, name, rules, self._world.clock.now())
        self._world.commit()
        return await self.orgpolicies(request)

    async def listeners(self, _: Request) -> JSONResponse:
        """Where forwarding rules listen."""
        self._world.settle()
        await self._plane.follow()
        return JSONResponse({"listeners": self._plane.listening()})

    async def dataplane(self, _: Request) -> JSONResponse:
        """What became of data-path requests."""
        return JSONResponse(self._plane.counts())

    async def incidents(self, _: Request) -> JSONResponse:
        """Every incident alert policies have opened."""
        self._world.settle()
        self._world.commit()
        return JSONResponse({"incidents": alerting.incidents(self._world)})

    async def notifications(self, _: Request) -> JSONResponse:
        """What their channels were told."""
        self._world.settle()
        self._world.commit()
        return JSONResponse({"notifications": alerting.notifications(self._world)})


async def _body(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return {}


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _local(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> JSONResponse:
        host = request.client.host if request.client else ""
        if not ipaddress.ip_address(host).is_loopback:
            return refused("the admin surface answers this machine only", 403)
        return await endpoint(request)

    return guarded
