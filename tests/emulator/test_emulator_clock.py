"""The stepped clock: time moves when everyone waits, and the same run is the same twice."""

import asyncio
import threading

import httpx

from emulator.app import build
from emulator.settings import Settings, address_pool
from emulator.times import seconds


def wait(emulator, waiter, until):
    with httpx.Client(base_url=emulator.url, timeout=20) as client:
        return client.post(f"/_emulator/clock/waiters/{waiter}/wait", json={"until": until}).json()["now"]


def after(emulator, seconds):
    """The instant ``seconds`` from the start of the minute now, as text."""
    from datetime import datetime, timedelta

    now = datetime.fromisoformat(emulator.now())
    return (now + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_time_stands_still_until_told(stepped):
    before = stepped.now()
    operation = stepped.ask("POST", "global/healthChecks", {"name": "check", "type": "HTTP"})
    assert stepped.ask("GET", f"global/operations/{operation['name']}")["status"] == "RUNNING"
    assert stepped.now() == before
    stepped.advance(0.842)
    assert stepped.ask("GET", f"global/operations/{operation['name']}")["status"] == "RUNNING"
    stepped.advance(0.001)
    assert stepped.ask("GET", f"global/operations/{operation['name']}")["status"] == "DONE"


def test_each_event_happens_at_its_own_instant_when_time_is_moved_far(stepped):
    operation = stepped.ask("POST", "global/healthChecks", {"name": "check", "type": "HTTP"})
    stepped.advance(3600)
    done = stepped.ask("GET", f"global/operations/{operation['name']}")
    assert done["endTime"] < stepped.ask("POST", "global/healthChecks", {"name": "later", "type": "HTTP"})["insertTime"]
    assert done["endTime"][:17] == done["insertTime"][:17]


def test_one_waiter_is_answered_at_the_instant_it_waits_for(stepped):
    waiter = stepped.admin("POST", "clock/waiters", {"name": "alone"})["waiter"]
    until = after(stepped, 90)
    assert wait(stepped, waiter, until) == until
    assert stepped.now() == until
    stepped.admin("DELETE", f"clock/waiters/{waiter}")


def test_time_moves_only_when_every_waiter_waits_and_the_earliest_goes_first(stepped):
    first, second = (stepped.admin("POST", "clock/waiters", {"name": name})["waiter"] for name in ("a", "b"))
    early, late = after(stepped, 10), after(stepped, 20)
    start, order = stepped.now(), []

    def waiting(waiter, until):
        order.append(wait(stepped, waiter, until))
        stepped.admin("DELETE", f"clock/waiters/{waiter}")

    one = threading.Thread(target=waiting, args=(first, late))
    one.start()
    assert stepped.now() == start
    two = threading.Thread(target=waiting, args=(second, early))
    two.start()
    one.join()
    two.join()
    assert order == [early, late]


def test_a_waiter_whose_connection_drops_no_longer_holds_the_others_up(stepped):
    gone, stays = (stepped.admin("POST", "clock/waiters", {"name": name})["waiter"] for name in ("gone", "stays"))
    idle = stepped.admin("POST", "clock/waiters", {"name": "idle"})["waiter"]
    try:
        with httpx.Client(base_url=stepped.url, timeout=0.2) as client:
            client.post(f"/_emulator/clock/waiters/{gone}/wait", json={"until": after(stepped, 5)})
    except httpx.ReadTimeout:
        pass
    stepped.admin("DELETE", f"clock/waiters/{idle}")
    until = after(stepped, 60)
    assert wait(stepped, stays, until) == until
    stepped.admin("DELETE", f"clock/waiters/{stays}")
    stepped.admin("DELETE", f"clock/waiters/{gone}", status=404)


def test_the_same_requests_on_the_stepped_clock_give_the_same_cloud_twice(start_emulator):
    def run():
        emulator = start_emulator("--clock", "stepped")
        emulator.enable("compute", "iam")
        emulator.network()
        emulator.template()
        group = emulator.group(3)
        emulator.advance(100)
        emulator.do("POST", f"{group}/resize?size=1")
        emulator.advance(100)
        bill = emulator.admin("GET", "bill")
        inventory = emulator.admin("GET", "inventory")
        emulator.end()
        return bill, inventory, emulator.project

    assert run() == run()


def test_the_clock_cannot_be_advanced_unless_stepped_and_never_goes_back(stepped, scaled):
    assert "stepped" in scaled.admin("POST", "clock/advance", {"seconds": 1}, status=400)["error"]
    assert "does not go back" in stepped.admin("POST", "clock/advance", {"until": "2020-01-01T00:00:00Z"}, status=400)["error"]
    assert stepped.admin("POST", "clock/advance", {}, status=400)["error"].startswith("give")


def test_what_begins_while_the_world_sleeps_ends_at_its_own_instant_though_nobody_asks():
    async def scenario():
        world, _ = build(Settings(clock="scaled", time_scale=600.0, address_pool=address_pool("127.1.0.0/24")))
        loop = asyncio.create_task(world.run())
        await asyncio.sleep(0)  # the world has looked, and sleeps: nothing is due
        now = world.clock.now()
        world.operations.begin("operations/late", {"flavour": "test"}, duration=seconds(1), effect=None, now=now)
        await world.clock.sleep_until(now + seconds(60))  # 0.1 s, well before the world would have looked again by itself
        for _ in range(20):
            await asyncio.sleep(0)  # both may have fallen due at once on a busy machine; neither is awaited longer than the other
        operation = world.operations.get("operations/late")
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        world.store.close()
        return operation

    operation = asyncio.run(scenario())
    assert operation["done"]
    assert operation["end"] == operation["due"]
