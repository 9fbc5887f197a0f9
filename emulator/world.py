"""The emulated cloud as a whole: what there is, what is due, and the one loop that lets time happen.

1. Everything that will happen is due at an instant; ``settle`` lets it happen in order of those instants, whatever the real time of the call.
2. All of it runs on one thread: a handler runs to its end before anything else sees the state.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from emulator.billing import Meter
from emulator.clock import Clock, Waiters
from emulator.durations import Durations
from emulator.faults import Faults
from emulator.identity import Identity
from emulator.minutes import Minutes
from emulator.operations import Operations
from emulator.quotas import Quotas
from emulator.requests_log import RequestLog
from emulator.settings import Settings
from emulator.store import Store
from emulator.times import SECOND, parse

if TYPE_CHECKING:
    from emulator.dataplane.served import Served
    from emulator.services.compute.groups.reconcile import Groups
    from emulator.services.compute.scaling import Scaling

Json = dict[str, Any]
STEPPED_START = parse("2026-09-01T00:00:00Z")
QUIET_SECONDS = 5.0  # real: what is begun and waits for emulated time must not hold time for ever
HEARTBEAT = 1.0  # real seconds: how much time a killed process may forget when nothing happens


class Agenda(Protocol):
    """Something with events: operations, groups."""

    def next_due(self) -> int | None:
        """When its next event is due."""

    def settle(self, now: int) -> None:
        """Let its next event happen."""


class World:
    """Holds every mechanism; services and the data plane add themselves to ``agendas`` and ``inventories``."""

    groups: Groups  # Compute adds its groups here
    scaling: Scaling  # and its autoscalers

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.state)
        self.clock = Clock(settings.clock, settings.time_scale, self._start())
        self.waiters = Waiters()
        self.identity = Identity(self.store)
        self.durations = Durations(settings.durations)
        self.faults = Faults()
        self.quotas = Quotas(self.store)
        self.log = RequestLog()
        self.minutes = Minutes(self.store)
        self.meter = Meter(self)
        self.operations = Operations(self)
        self.agendas: list[Agenda] = [self.operations]
        self.inventories: list[Callable[[World], Iterator[Json]]] = []
        self.strikes: dict[str, Callable[[Json, int], None]] = {}  # faults that happen at once, by type
        self.watchers: list[asyncio.Event] = []
        self.witnesses: list[Callable[[Served], None]] = []  # told of each request at the load balancer
        self.knock: Callable[[str, int, str], int | None] | None = None  # the data plane's door, for checks from outside
        self.generation = 0
        self.surface: Any = None  # the REST surface as an ASGI application, once it is up: what jobs of this cloud call
        self._begun: set[asyncio.Task[None]] = set()
        self.dns = ""
        self.https = ""

    def _start(self) -> int:
        saved = self.store.get("meta", "clock")
        if saved:
            return int(saved["now"])
        if self.settings.start_time is not None:
            return self.settings.start_time
        return STEPPED_START if self.settings.clock == "stepped" else int(time.time() * SECOND)

    @property
    def project(self) -> str:
        """The project's id."""
        return self.settings.project

    def next_due(self) -> int | None:
        """When anything is due next."""
        return min((due for agenda in self.agendas if (due := agenda.next_due()) is not None), default=None)

    def settle(self) -> int:
        """Let everything happen that is due; answers the instant it is now."""
        now = self.clock.now()
        while True:
            first = min(
                ((due, index) for index, agenda in enumerate(self.agendas) if (due := agenda.next_due()) is not None),
                default=None,
            )
            if first is None or first[0] > now:
                return now
            self.agendas[first[1]].settle(first[0])

    def changed(self) -> None:
        """Something happened that may be waited for, or something new falls due."""
        self.generation += 1
        self.wake()

    def wake(self) -> None:
        """Let what waits for a change look again, though nothing anybody keeps has changed."""
        for watcher in self.watchers:
            watcher.set()

    async def change(self, limit: float) -> None:
        """Wait for the next change, or ``limit`` real seconds."""
        event = asyncio.Event()
        self.watchers.append(event)
        try:
            await asyncio.wait_for(event.wait(), limit)
        except TimeoutError:
            pass
        finally:
            self.watchers.remove(event)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something happen that takes real time and no emulated time, such as a request to this cloud itself."""
        task = asyncio.get_running_loop().create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def quiet(self) -> None:
        """Wait until what was begun has ended; stepped time does not move before."""
        while self._begun:
            _, left = await asyncio.wait(self._begun, timeout=QUIET_SECONDS)
            if left:
                return

    def commit(self) -> None:
        """Keep what changed, and the time."""
        self.store.put("meta", "clock", {"now": self.clock.now()})
        self.store.commit()

    def step(self) -> None:
        """Stepped mode: while nobody is busy, move to the next due event or awaited instant, until someone is answered.

        A request on its way through the data path sleeps here and is awaited like a waiter.
        """
        while self.waiters.nobody_is_busy() and not self._begun:
            awaited = [instant for instant in (self.waiters.earliest(), self.clock.next_sleeper()) if instant is not None]
            if not awaited:
                return
            due = self.next_due()
            woken = self.clock.move_to(min([*awaited, *([due] if due is not None else [])]))
            self.settle()
            if self.waiters.answer(self.clock.now()) or woken:
                return  # whoever was answered or woken runs before time moves again

    async def run(self) -> None:
        """Let time happen between requests, for ever."""
        while True:
            self.settle()
            self.commit()
            if self.clock.mode == "stepped":
                self.step()
                self.commit()
                if self.waiters.waiting or self.clock.next_sleeper() is not None:
                    await asyncio.sleep(0.002)  # whoever was answered may ask for more at this very instant
                else:
                    await self.change(0.05)
                continue
            self.waiters.answer(self.clock.now())
            due = self.next_due()
            # whatever begins meanwhile may be due earlier, so a change ends the wait
            await self.change(HEARTBEAT if due is None else min(HEARTBEAT, self.clock.real_seconds_until(due)))
