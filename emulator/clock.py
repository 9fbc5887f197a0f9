"""Emulated time, in three modes.

1. real: emulated time passes as real time. scaled: ``scale`` times as fast. stepped: only when told, or when every registered waiter waits.
2. Time never goes back: it is saved with each answered request, and a restarted process resumes from what was saved.
3. In stepped mode time moves to the next due event or the earliest awaited instant, whichever is first, and no further until whoever was
   waiting for it has run.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time

from emulator.times import SECOND

MODES = ("scaled", "real", "stepped")


class Clock:
    """The emulated clock. Instants are microseconds since the epoch."""

    def __init__(self, mode: str, scale: float, start: int) -> None:
        self.mode = mode
        self.scale = 1.0 if mode == "real" else scale
        self._base = start
        self._real = time.monotonic()
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        """The emulated instant."""
        if self.mode == "stepped":
            return self._base
        return self._base + int((time.monotonic() - self._real) * self.scale * SECOND)

    def move_to(self, instant: int) -> int:
        """Stepped mode: set the time (never back) and wake whoever slept until then; says how many."""
        self._base = max(self._base, instant)
        woken = 0
        while self._sleepers and self._sleepers[0][0] <= self._base:
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
                woken += 1
        return woken

    def next_sleeper(self) -> int | None:
        """Stepped mode: the earliest instant something inside the emulator sleeps until."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def real_seconds_until(self, instant: int) -> float:
        """Real seconds until then (scaled and real modes)."""
        return max(0.0, (instant - self.now()) / (self.scale * SECOND))

    async def sleep_until(self, instant: int) -> None:
        """Sleep in emulated time."""
        if self.mode == "stepped":
            if instant <= self._base:
                return
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._sleepers, (instant, next(self._order), future))
            await future
            return
        while (left := self.real_seconds_until(instant)) > 0:
            await asyncio.sleep(left)


class Waiters:
    """Who must be waiting before stepped time moves."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.names: dict[str, str] = {}
        self.waiting: dict[str, tuple[int, asyncio.Future[int]]] = {}

    def register(self, name: str) -> str:
        """A new waiter's id."""
        waiter = f"w{next(self._numbers)}"
        self.names[waiter] = name
        return waiter

    def unregister(self, waiter: str) -> bool:
        """Forget a waiter; says whether it was known."""
        entry = self.waiting.pop(waiter, None)
        if entry and not entry[1].done():
            entry[1].cancel()
        return self.names.pop(waiter, None) is not None

    def wait(self, waiter: str, until: int) -> asyncio.Future[int]:
        """Mark the waiter as waiting; the future answers the instant reached."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.waiting[waiter] = (until, future)
        return future

    def nobody_is_busy(self) -> bool:
        """Whether each registered waiter waits; so also where there is none."""
        return all(name in self.waiting for name in self.names)

    def earliest(self) -> int | None:
        """The earliest awaited instant, if anybody waits."""
        return min((until for until, _ in self.waiting.values()), default=None)

    def answer(self, now: int) -> int:
        """Answer those whose instant has come; says how many."""
        reached = [waiter for waiter, (until, _) in self.waiting.items() if until <= now]
        for waiter in reached:
            _, future = self.waiting.pop(waiter)
            if not future.done():
                future.set_result(now)
        return len(reached)
