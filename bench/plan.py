"""How long a plan takes, for generated profiles that lead to about 100, 1,000 and 3,000 resources.

A generated profile draws its three tiers from many reservations: each is a way to order, with a template and a group of its own. Prints, for
each size: the plan from nothing and the one back to nothing, made from values alone; and with --live the plan that changes nothing, when all
of it stands in an embedded cloud and is listed over its sockets first. The goal is 3,000 resources in less than 10 s.

`python -m bench.plan [--sizes 100,1000,3000] [--live]`
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import httpx

from bench.provision import embedded
from ironwood.desired import desired
from ironwood.diff import diff
from ironwood.graph import Graph
from ironwood.plan import Plan
from ironwood.profile import Profile, parse_profile

T = TypeVar("T")
TIERS = ("small", "medium", "large")
SIDE_BY_SIDE = 16
FIXED = 20
"""Resources every profile leads to, roughly: network, front end, accounts."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.plan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000,3000", help="resources, with commas between them (default: %(default)s)")
    parser.add_argument("--live", action="store_true", help="also list and plan what stands in an embedded cloud; takes minutes to set up")
    options = parser.parse_args()
    print(f"{'resources':>10} {'from nothing s':>15} {'to nothing s':>13}" + (f" {'live, no change s':>18}" if options.live else ""))
    for size in (int(each) for each in options.sizes.split(",")):
        profile = generated(size)
        wanted, building = _timed(partial(desired, profile, profile.baseline))
        plan, making = _timed(partial(diff, wanted, Graph(), owner=profile.name))
        _, removing = _timed(partial(diff, Graph(), wanted, owner=profile.name))
        line = f"{len(wanted):>10} {building + making:>15.2f} {removing:>13.2f}"
        if options.live:
            line += f" {_live(profile, plan):>18.2f}"
        print(line, flush=True)
    return 0


def generated(resources: int) -> Profile:
    """A profile that leads to about as many resources: its tiers draw from many reservations."""
    ways = max(1, math.ceil((resources - FIXED) / (3 * len(TIERS))))
    lines = ["name: generated", "cloud: embedded", "project_id: embedded-project", "price_book: seed", "tiers:"]
    for tier in TIERS:
        lines += [f"  {tier}:", "    enabled: true", "    chips: 8", "    replicas: 0", "    fallbacks:"]
        lines += [f"      - {{consumption: reserved, reservation: {tier}-{number}}}" for number in range(1, ways)]
    return parse_profile("\n".join(lines) + "\n", source="generated.yaml", environment={})


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    answer = work()
    return answer, time.perf_counter() - began


def _live(profile: Profile, plan: Plan) -> float:
    """Seconds to list everything `plan` makes, once it stands in an embedded cloud, and to find nothing to do."""
    from cloud.connection import connect
    from cloud.observe import observe

    with tempfile.TemporaryDirectory() as folder, embedded(Path(folder), 60.0) as rest:
        os.environ |= {"IRONWOOD_EMULATOR": rest, "IRONWOOD_HOME": folder}
        quick = dict.fromkeys(httpx.get(f"http://{rest}/_emulator/durations").raise_for_status().json()["durations"], 0)
        httpx.put(f"http://{rest}/_emulator/durations", json=quick).raise_for_status()
        limits = dict.fromkeys(httpx.get(f"http://{rest}/_emulator/quotas").raise_for_status().json()["quotas"], 100000)
        httpx.put(f"http://{rest}/_emulator/quotas", json=limits).raise_for_status()
        connection = connect(profile)
        _make(connection, plan)

        def compared() -> int:
            live = observe(connection).live
            return len(diff(desired(profile, profile.baseline, live), live, owner=profile.name))

        changes, seconds = _timed(compared)
        assert changes == 0
        return seconds


def _make(connection: object, plan: Plan) -> None:
    """Create everything the plan creates, many at once, without Prefect between."""
    from cloud.connection import Connection
    from cloud.drivers.registry import DRIVERS
    from cloud.journal import Attempt

    assert isinstance(connection, Connection)
    run = uuid4()
    done: set[str] = set()
    left = list(plan)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        while left:
            ready = [change for change in left if done.issuperset(change.waits_for)]
            attempts = [Attempt(run=run, step=change.step, number=1) for change in ready]
            list(
                pool.map(
                    lambda pair: DRIVERS[pair[0].address.kind].create(connection, pair[1], pair[0].after), zip(ready, attempts, strict=True)
                )
            )
            done |= {change.step for change in ready}
            left = [change for change in left if change.step not in done]


if __name__ == "__main__":
    sys.exit(main())
