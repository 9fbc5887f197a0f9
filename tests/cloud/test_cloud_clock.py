"""Clocks: scaled time runs at its scale, stepped time moves only when every registered waiter waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from cloud.clock import RealClock, ScaledClock, SteppedClock, clock_of, sleep
from ironwood.errors import UnreachableError
from running import EmbeddedCloud


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SteppedClock]:
    cloud = EmbeddedCloud(folder=tmp_path_factory.mktemp("stepped"), clock="stepped").start()
    with httpx.Client(base_url=f"http://{cloud.rest}") as admin:
        clock = clock_of(admin)
        assert isinstance(clock, SteppedClock)
        yield clock
    cloud.stop()


def test_stepped_time_stands_still_until_somebody_waits(stepped: SteppedClock):
    before = stepped.now()
    assert stepped.now() == before
    sleep(stepped, timedelta(hours=3))
    assert stepped.now() == before + timedelta(hours=3)


def test_stepped_time_waits_for_every_participant(stepped: SteppedClock):
    order: list[tuple[str, datetime]] = []
    start = stepped.now()
    ready = threading.Barrier(2)

    def wait(name: str, minutes: int) -> None:
        with stepped.participating(name):
            ready.wait()
            sleep_until = start + timedelta(minutes=minutes)
            stepped.sleep_until(sleep_until)
            order.append((name, stepped.now()))

    threads = [threading.Thread(target=wait, args=each) for each in (("late", 10), ("early", 5))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [name for name, _ in order] == ["early", "late"]
    assert [at - start for _, at in order] == [timedelta(minutes=5), timedelta(minutes=10)]


def test_scaled_time_sleeps_at_its_own_pace():
    clock = ScaledClock(now=datetime(2026, 1, 1, tzinfo=UTC), scale=36_000)
    until = clock.now() + timedelta(minutes=10)
    clock.sleep_until(until)
    assert clock.now() >= until


def test_real_time_does_not_wait_for_the_past():
    RealClock().sleep_until(datetime(2000, 1, 1, tzinfo=UTC))


def test_a_cloud_that_does_not_answer_is_said():
    with httpx.Client(base_url="http://127.0.0.1:9") as nobody, pytest.raises(UnreachableError, match="does not answer"):
        clock_of(nobody)
