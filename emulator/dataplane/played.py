"""Demand played in: requests of a trace, as if clients of a forwarding rule had sent them, without one HTTP request.

1. Only what serves is remembered, a step each time it changes, looked at at whole minutes; what became of a minute's requests is worked out from the
trace and the steps when somebody asks. 2. Clients know several paths and go where there is room: a minute's requests are shared by what serves behind
each path, up to its capacity; the rest is refused, 503, and where nothing is healthy all of it, 502. 3. Minutes before the trace was told are history:
served in full. While the rule is not there nothing arrives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from emulator.dataplane.backends import Backends
from emulator.dataplane.model_server import DEFAULT_TOKENS
from emulator.dataplane.routing import route
from emulator.minutes import MINUTE
from emulator.rules import assumed
from emulator.services.compute import links, records
from emulator.services.compute.groups.fleet import Vm
from emulator.services.compute.groups.health import NEVER
from emulator.times import parse, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "played"
STEPS = "played steps"
assumed(
    "played-by-the-minute",
    "Played demand meets the VMs that are healthy when a minute begins, until it ends; a bin's requests come evenly.",
)
assumed("played-history", "Played demand of minutes before it was told counts as served, with the labels the rule is first found with.")
assumed("played-free", "Played requests carry no bytes: they are not on the bill.")


class BadTrafficError(ValueError):
    """A trace that cannot be played; the message says what would do."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a backend makes of a minute: requests served and refused, and how much of its capacity that is (0..1)."""

    service: str
    backend: str
    served: int
    refused: int
    load: float


@dataclass(frozen=True, kw_only=True)
class Minute:
    """What became of one minute's requests: of history all were served, ``lost`` met nothing healthy."""

    begin: int
    labels: Json
    shares: tuple[Share, ...] = ()
    history: int = 0
    lost: int = 0


def change(world: World, traces: Json) -> None:
    """Play a trace at each global forwarding rule named, from now on and back to its beginning; None forgets. Raises BadTrafficError."""
    for rule, given in traces.items():
        if given is None:
            _forget(world, rule)
        else:
            _play(world, rule, given, world.clock.now())


def _play(world: World, rule: str, given: Json, now: int) -> None:
    try:
        since, minutes = parse(given["since"]), int(given["bin_minutes"])
        requests = [int(count) for count in given["requests"]]
        paths = [str(path) for path in given.get("paths", ["/v1/predict"])]
    except (KeyError, ValueError, TypeError) as error:
        raise BadTrafficError(
            f'{rule}: give {{"since": "2026-09-01T00:00:00Z", "bin_minutes": 10, "requests": [n, ...]}}, and "paths", "host" and '
            f'"requests_per_chip_minute" where the defaults do not do: {error!r}'
        ) from error
    unknown = given.keys() - {"since", "bin_minutes", "requests", "paths", "host", "requests_per_chip_minute"}
    if unknown or since % MINUTE or minutes < 1 or not paths or not requests or min(requests) < 0:
        raise BadTrafficError(
            f"{rule}: since is a whole minute, bin_minutes and requests (0 or more each) are whole numbers, paths names at least one"
            + (f"; there is no {', '.join(sorted(unknown))}" if unknown else "")
        )
    _forget(world, rule)
    row = {"since": since, "bin": minutes, "requests": requests, "paths": paths, "host": str(given.get("host", "")), "told": now}
    world.store.put(TAB, rule, {**row, "rate": given.get("requests_per_chip_minute")})
    world.changed()


def _forget(world: World, rule: str) -> None:
    world.store.delete(TAB, rule)
    for key, _ in world.store.items(f"{STEPS} {rule}"):
        world.store.delete(f"{STEPS} {rule}", key)


def demand(trace: Json, minute: int) -> int:
    """Requests of the whole minute that begins then."""
    index, place = divmod((minute - trace["since"]) // MINUTE, trace["bin"])
    if minute < trace["since"] or index >= len(trace["requests"]):
        return 0
    count = trace["requests"][index]
    return int(count * (place + 1) // trace["bin"] - count * place // trace["bin"])


def minutes(world: World, start: int, end: int) -> Iterator[tuple[str, Minute]]:
    """(rule, what became of it) of every minute that begins in [start, end) and is over."""
    over = min(end, world.clock.now() - MINUTE + 1)
    for rule, trace in world.store.items(TAB):
        steps = [step for _, step in world.store.items(f"{STEPS} {rule}")]
        found = next((step["front"] for step in steps if step["front"]), None)
        if found is None:
            continue
        at = len(steps) - 1
        begins = range(max(start + -start % MINUTE, trace["since"]), over, MINUTE)
        for begin in reversed(begins):
            while at >= 0 and steps[at]["minute"] > begin:
                at -= 1
            count = demand(trace, begin)
            if at < 0:
                yield rule, Minute(begin=begin, labels=found, history=count)
            elif (step := steps[at])["front"]:
                yield rule, _met(step, begin, count)


def _met(step: Json, begin: int, count: int) -> Minute:
    """What the requests of a minute met."""
    rows = [(service, backend, rate) for service, backend, rate in step["behind"] if rate > 0]
    whole = sum(rate for _, _, rate in rows)
    if not rows:
        return Minute(begin=begin, labels=step["front"], lost=count)
    ends = [0.0, *accumulate(rate / whole for _, _, rate in rows)]
    ends[-1] = 1.0
    served = min(count, int(whole))
    cuts = [(int(served * share), int((count - served) * share)) for share in ends]
    load = min(1.0, count / whole)
    return Minute(
        begin=begin,
        labels=step["front"],
        shares=tuple(
            Share(service=service, backend=backend, served=after[0] - before[0], refused=after[1] - before[1], load=load)
            for (service, backend, _), (before, after) in zip(rows, pairwise(cuts), strict=True)
        ),
    )


def shown(world: World) -> Json:
    """Every trace with its capacity steps (requests a minute by backend service) and what became of its requests so far."""
    out: Json = {}
    for rule, trace in world.store.items(TAB):
        out[rule] = {
            **{key: trace[key] for key in ("paths", "host")},
            "since": utc(trace["since"]),
            "told": utc(trace["told"]),
            "bin_minutes": trace["bin"],
            "bins": len(trace["requests"]),
            "history": 0,
            "served": 0,
            "refused": 0,
            "lost": 0,
            "steps": [
                {"from": utc(step["minute"]), "per_minute": _by_service(step)}
                for _, step in world.store.items(f"{STEPS} {rule}")
                if step["front"]
            ],
        }
    for rule, minute in minutes(world, 0, world.clock.now()):
        row = out[rule]
        row["history"] += minute.history
        row["lost"] += minute.lost
        row["served"] += sum(share.served for share in minute.shares)
        row["refused"] += sum(share.refused for share in minute.shares)
    return out


def _by_service(step: Json) -> dict[str, float]:
    out: dict[str, float] = {}
    for service, _, rate in step["behind"]:
        out[links.name_of(service)] = out.get(links.name_of(service), 0.0) + rate
    return out


class Played:
    """The agenda that remembers what serves: looked at at the whole minute after something changed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._backends = Backends(world)
        self._generation = -1
        self._until = NEVER
        self._due: int | None = None

    def next_due(self) -> int | None:
        """The next whole minute at which something else may serve."""
        world = self._world
        if not world.store.count(TAB):
            self._generation, self._due = -1, None
            return None
        if world.generation != self._generation:
            self._generation = world.generation
            self._due = min(self._due if self._due is not None else NEVER, _whole(world.clock.now()))
        return self._due

    def settle(self, now: int) -> None:
        """Look at what serves at this instant."""
        self._until = NEVER
        for rule, trace in self._world.store.items(TAB):
            tab = f"{STEPS} {rule}"
            step = {"minute": now, **self._look(rule, trace, now)}
            last = next(reversed(list(self._world.store.items(tab))), ("", {}))[1]
            if {**last, "minute": now} != step:
                self._world.store.put(tab, str(now), step)
        self._due = None if self._until == NEVER else _whole(self._until)

    def _look(self, rule: str, trace: Json, now: int) -> Json:
        world = self._world
        link = f"projects/{world.project}/global/forwardingRules/{rule}"
        record = records.find(world, link)
        if record is None or record["state"] == "CREATING":
            return {"front": None, "behind": []}
        behind: list[tuple[str, str, float]] = []
        services: list[str] = []
        for path in trace["paths"]:
            found = route(world, link, trace["host"], path)
            if found and found.service and found.service not in services:
                services.append(found.service)
        for service in services:
            kept = self._backends.look(service, now)
            self._until = min(self._until, kept.until)
            for pool in kept.pools:
                rate = sum(_rate(trace, service, vm) for vm in pool.vms) if pool.weight > 0 else 0.0
                behind.append((service, pool.backend, rate))
        return {"front": front(world, link), "behind": [list(row) for row in behind]}


def front(world: World, link: str) -> Json:
    """The labels of everything that comes to a forwarding rule."""
    rule = records.resource(world, link) or {}
    proxy = records.resource(world, rule.get("target", "")) or {}
    return {
        "project_id": world.project,
        "region": "global",
        "forwarding_rule_name": links.name_of(link),
        "target_proxy_name": str(proxy.get("name", "")),
        "url_map_name": links.name_of(proxy.get("urlMap", "")),
    }


def target(service: str, backend: str) -> Json:
    """The labels of where it goes."""
    out = {
        "backend_target_name": links.name_of(service),
        "backend_target_type": "BACKEND_SERVICE",
        "backend_name": links.name_of(backend),
        "backend_type": "INSTANCE_GROUP" if backend else "",
        "backend_scope": (links.part(backend, "zones") or "") if backend else "",
    }
    return {key: value for key, value in out.items() if value}


def _rate(trace: Json, service: str, vm: Vm) -> float:
    """Requests a minute that one VM serves."""
    shape, rate = vm.shape(), trace["rate"]
    chips = max(1, shape["chips"])
    if isinstance(rate, dict):
        rate = rate.get(links.name_of(service))
    own = float(shape["tokens_per_second"]) * 60 / DEFAULT_TOKENS
    return float(chips * (own if rate is None else float(rate)))


def _whole(instant: int) -> int:
    return instant + -instant % MINUTE
