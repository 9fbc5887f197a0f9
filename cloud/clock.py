"""Time as the cloud lives it. Drivers and tasks wait only here, so that a fast or stepped cloud is waited for at its own pace.

Real: this machine's clock. Scaled: the embedded cloud's, `scale` times as fast. Stepped: the embedded cloud's time stands
still until every registered waiter waits, then jumps to the next due event.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import httpx

from ironwood.errors import UnreachableError


class Clock(Protocol):
    """What a clock can be asked."""

    def now(self) -> datetime:
        """The cloud's time, in UTC."""

    def sleep_until(self, when: datetime) -> None:
        """Return once the cloud's time has reached `when`."""

    def participating(self, name: str) -> AbstractContextManager[None]:
        """While open, time does not pass unnoticed: a stepped clock waits for this thread."""


def sleep(clock: Clock, duration: timedelta) -> None:
    """Let `duration` of the cloud's time pass."""
    clock.sleep_until(clock.now() + duration)


class RealClock:
    """This machine's time; the real Google Cloud lives in it."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    def sleep_until(self, when: datetime) -> None:
        """Wait in real time."""
        time.sleep(max(0.0, (when - self.now()).total_seconds()))

    @contextmanager
    def participating(self, name: str) -> Iterator[None]:
        """Nothing to do: real time waits for nobody."""
        del name
        yield


class ScaledClock:
    """The embedded cloud's time while it runs `scale` times as fast as ours."""

    def __init__(self, *, now: datetime, scale: float) -> None:
        """Start at `now` (the cloud's), from this moment on."""
        self._base, self._scale, self._started = now, scale, time.monotonic()

    def now(self) -> datetime:
        """The cloud's time, in UTC."""
        return self._base + timedelta(seconds=(time.monotonic() - self._started) * self._scale)

    def sleep_until(self, when: datetime) -> None:
        """Wait for the cloud's time at its own pace."""
        time.sleep(max(0.0, (when - self.now()).total_seconds() / self._scale))

    @contextmanager
    def participating(self, name: str) -> Iterator[None]:
        """Nothing to do: scaled time runs by itself."""
        del name
        yield


class SteppedClock:
    """The embedded cloud's time while it moves only when everybody waits."""

    def __init__(self, *, admin: httpx.Client) -> None:
        """`admin` reaches the embedded cloud's admin surface."""
        self._admin = admin
        self._local = threading.local()

    def now(self) -> datetime:
        """The cloud's time, in UTC."""
        answer = self._admin.get("/_emulator/clock").raise_for_status().json()
        return datetime.fromisoformat(answer["now"])

    def sleep_until(self, when: datetime) -> None:
        """Wait until time is stepped there; a thread that does not participate does so for this wait only."""
        waiter = getattr(self._local, "waiter", None)
        if waiter is None:
            with self.participating("sleep"):
                self.sleep_until(when)
            return
        self._admin.post(f"/_emulator/clock/waiters/{waiter}/wait", json={"until": when.isoformat()}, timeout=None).raise_for_status()

    @contextmanager
    def participating(self, name: str) -> Iterator[None]:
        """Register this thread as a waiter; nested use is one registration."""
        if getattr(self._local, "waiter", None) is not None:
            yield
            return
        waiter = self._admin.post("/_emulator/clock/waiters", json={"name": name}).raise_for_status().json()["waiter"]
        self._local.waiter = waiter
        try:
            yield
        finally:
            self._local.waiter = None
            self._admin.delete(f"/_emulator/clock/waiters/{waiter}")


def clock_of(admin: httpx.Client) -> Clock:
    """The clock of the embedded cloud behind `admin`."""
    try:
        answer = admin.get("/_emulator/clock").raise_for_status().json()
    except httpx.HTTPError as error:
        raise UnreachableError(f"the embedded cloud at {admin.base_url} does not answer: {error}") from error
    if answer["mode"] == "stepped":
        return SteppedClock(admin=admin)
    return ScaledClock(now=datetime.fromisoformat(answer["now"]), scale=float(answer["scale"]))
