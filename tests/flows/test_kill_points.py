"""SIGKILL at the n-th write of provision, scale and teardown, then the same command again.

The embedded cloud holds the n-th write, before it is handled (never sent, as far as the cloud knows) or after it is
committed (the response never arrives); there the run is killed. Running the command again converges: nothing twice, nothing
left. n runs over the request log of a clean run (`make test`: what was counted in one). A kill with no write done or none left does not count.

`make test` tries two seeded points of a lean profile, `make kill` all of a whole one (IRONWOOD_KILL_POINTS=all) and prints the count.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from running import ROOT, EmbeddedCloud, PrefectServer, command, run, wait_until

SEED = 20261123
IN_MAKE_TEST = 2
SIDE_BY_SIDE = 8
"""Most of a point is waiting for the killed writer's lease to run out."""
HELD_WITHIN_SECONDS = 600.0
"""Long, because eight runs at once on a busy machine are slow to begin."""

WHOLE = bool(os.environ.get("IRONWOOD_KILL_POINTS"))
LEAN = "lease: {{hours: 720}}\n" if WHOLE else "logging: {{enabled: false}}\nmonitoring: {{enabled: false}}\nlease: {{enabled: false}}\n"
"""In `make test` the profile is neither recorded nor watched, and has no autoscaler, so that its runs are short."""
SCALED = ", large: {{enabled: true, chips: 8, autoscaling: {{}}}}" if WHOLE else ""
PROFILE = (
    LEAN
    + "cloud: embedded\nproject_id: embedded-project\nload_balancer: {{port: 8080}}\nname: {name}\ntiers: {{small: {{chips: 8}}, medium: {{chips: 16}}"
    + SCALED
    + "}}\n"
)

LEAN_WRITES = {"provision": 26, "scale": 2, "teardown": 28}
"""What clean runs of the lean profile were counted to write. `make kill` counts anew; a point a run no longer comes to fails, and says so."""


@dataclass(frozen=True)
class Operation:
    """A command under test, what must have been done before it, and how the inventory must end: as after `reference`."""

    module: str
    arguments: tuple[str, ...]
    prepared: bool


OPERATIONS = {
    "provision": Operation("flows.provision", (), prepared=False),
    "scale": Operation("flows.scale", ("--sizes", "small=3", "medium=0", *(["large=2"] if WHOLE else [])), prepared=True),
    "teardown": Operation("flows.teardown", ("--confirm", "{name}"), prepared=True),
}


@dataclass(frozen=True)
class Point:
    """Kill `operation` at its `nth` write, `when` before or after it is committed."""

    operation: str
    nth: int
    when: str

    def __str__(self) -> str:
        return f"{self.operation}-{self.nth}-{self.when}"


@dataclass
class Scene:
    """One embedded cloud, one profile, the session's Prefect server."""

    cloud: EmbeddedCloud
    server: PrefectServer
    name: str

    @property
    def profile(self) -> Path:
        return self.cloud.folder / "profile.yaml"

    @property
    def environment(self) -> dict[str, str]:
        return {**self.server.environment, **self.cloud.environment}

    def arguments(self, operation: Operation) -> list[str]:
        return ["--profile", str(self.profile), *(each.format(name=self.name) for each in operation.arguments)]

    def prepare(self, operation: Operation) -> None:
        self.profile.write_text(PROFILE.format(name=self.name))
        if operation.prepared:
            self.must(OPERATIONS["provision"])

    def must(self, operation: Operation) -> None:
        done = run(operation.module, *self.arguments(operation), environment=self.environment)
        assert done.returncode == 0, done.stdout + done.stderr


pytestmark = pytest.mark.timeout(3_600)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, prefect_server: PrefectServer) -> Callable[[str], Scene]:
    def make(name: str) -> Scene:
        cloud = EmbeddedCloud(folder=tmp_path_factory.mktemp(name), scale=1200).start()
        return Scene(cloud=cloud, server=prefect_server, name=f"kill-{name}"[:31].strip("-"))

    return make


def writes_of_clean_runs(make: Callable[[str], Scene]) -> dict[str, int]:
    """How many writes each command sends when nobody kills it."""
    scene = make("clean")
    counts = {}
    try:
        scene.profile.write_text(PROFILE.format(name=scene.name))
        for name, operation in OPERATIONS.items():
            before = len(scene.cloud.writes())
            scene.must(operation)
            counts[name] = len(scene.cloud.writes()) - before
            if name == "scale":  # teardown is tried from what provision made
                scene.must(OPERATIONS["provision"])
    finally:
        scene.cloud.stop()
    return counts


def points(writes: dict[str, int]) -> list[Point]:
    """Every point with a write done before it and one left after it."""
    found = []
    for operation, count in writes.items():
        found += [Point(operation, nth, "before") for nth in range(2, count + 1)]
        found += [Point(operation, nth, "after") for nth in range(1, count)]
    return found


def kill_and_run_again(point: Point, make: Callable[[str], Scene]) -> str:
    """Returns "" where everything holds, else what does not."""
    operation = OPERATIONS[point.operation]
    scene = make(str(point))
    try:
        scene.prepare(operation)
        fault = scene.cloud.tell("faults", {"type": "hold", "nth_write": point.nth, "point": point.when})["id"]
        victim = subprocess.Popen(
            command(operation.module, *scene.arguments(operation)),
            cwd=ROOT,
            env={**os.environ, **scene.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: held(scene.cloud, fault) or victim.poll() is not None, f"write {point.nth}", HELD_WITHIN_SECONDS)
        except AssertionError:
            victim.kill()
            raise
        if victim.poll() is not None:
            return f"{point}: ended by itself before its write {point.nth}"
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        scene.cloud.tell(f"faults/{fault}", {}, method="DELETE")
        scene.must(operation)
        return faults_of(scene, point)
    except AssertionError as error:
        return f"{point}: {error}"
    finally:
        scene.cloud.stop()


def held(cloud: EmbeddedCloud, fault: str) -> bool:
    return any(each["id"] == fault and each["state"] == "holding" for each in cloud.ask("faults")["faults"])


def faults_of(scene: Scene, point: Point) -> str:
    """What is wrong after the second run: something left, something missing, something made twice."""
    inventory = scene.cloud.inventory()
    if point.operation == "teardown":
        return f"{point}: left {inventory}" if inventory else ""
    made = Counter(
        each["path"].partition("?")[0] + each["method"]
        for each in scene.cloud.writes()
        if each["committed"] and each["method"].startswith("compute.") and ".insert" in each["method"]
    )
    inserted = sum(made.values())
    there = [kind for kind, _, _ in inventory if kind.startswith("compute.")]  # the others are not made by inserts
    if inserted != len(there):
        return f"{point}: {inserted} inserts were committed for {len(there)} objects"
    sizes = OPERATIONS["scale"].arguments if point.operation == "scale" else ()
    again = run("flows.detect_drift", "--profile", str(scene.profile), *sizes, environment=scene.environment)
    return "" if "drift       none" in again.stdout else f"{point}: {again.stdout}{again.stderr}"


def test_a_killed_run_is_finished_by_running_again(scene: Callable[[str], Scene], capsys: pytest.CaptureFixture[str]):
    counts = writes_of_clean_runs(scene) if WHOLE else LEAN_WRITES
    every = points(counts)
    chosen = chosen_of(every, os.environ.get("IRONWOOD_KILL_POINTS", ""))
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        wrong = [told for told in pool.map(lambda point: kill_and_run_again(point, scene), chosen) if told]
    with capsys.disabled():
        print(f"\nkill points: {len(chosen) - len(wrong)} of {len(chosen)} converge ({len(every)} there are: {counts} writes)")
    assert not wrong, "\n".join(wrong)


def chosen_of(every: list[Point], asked: str) -> list[Point]:
    """All points, those asked for by name (`provision-2-before,scale-1-after`), or one of each operation."""
    if asked == "all":
        return every
    names = set(filter(None, asked.split(",")))
    return [point for point in every if str(point) in names] if names else one_of_each(every)


def one_of_each(every: list[Point]) -> list[Point]:
    """Seeded points, one of each operation."""
    chance = random.Random(SEED)
    return [chance.choice([point for point in every if point.operation == operation]) for operation in OPERATIONS][:IN_MAKE_TEST]
