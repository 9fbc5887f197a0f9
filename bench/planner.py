"""Capacity planning: certified gap and time of `solve`, beside HiGHS alone with the same time limit in the same run.

Rows: a cold process (imports, then the first answer), the hourly instances, a synthetic month of hours, the quarter-hour and five-minute weeks, a
synthetic month of quarter hours. Times are wall times after the compiled code is loaded, except the cold rows.

`python -m bench.planner [--quick] [--no-highs] [--compile]`
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ironwood.capacity import CapacityPlan, CapacityProblem, solve, verify
from ironwood.capacity.solver.milp import solve_milp
from ironwood.errors import IronwoodError

INSTANCES = Path(__file__).parents[1] / "tests" / "data" / "planning"
COLD = (
    "import json, sys, time; began = time.perf_counter()\n"
    "from ironwood.capacity import CapacityProblem, solve\n"
    "plan = solve(CapacityProblem.from_instance(json.load(open(sys.argv[1]))))\n"
    "print(time.perf_counter() - began)\n"
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A problem, its time limit in seconds, the gap asked for, and the best cost known (None: nobody knows)."""

    name: str
    instance: dict[str, Any]
    limit_s: float
    gap: float
    known_usd: float | None


def read(name: str) -> dict[str, Any]:
    """A standard instance."""
    return dict(json.loads((INSTANCES / f"{name}.json").read_text()))


def synthetic(period_minutes: int, days: int) -> dict[str, Any]:
    """A month of demand with days, weeks, noise and bursts, from a fixed seed, on the tiers of the standard instances."""
    periods = days * 24 * 60 // period_minutes
    hours = np.arange(periods) * period_minutes / 60
    chance = np.random.default_rng(7)
    daily = 0.55 + 0.35 * np.sin((hours - 9) * 2 * np.pi / 24)
    weekly = np.where((hours // 24) % 7 < 5, 1.0, 0.7)
    bursts = np.zeros(periods)
    for start in chance.integers(0, periods, size=days):
        bursts[start : start + max(1, 120 // period_minutes)] += chance.uniform(0.1, 0.4)
    demand = np.maximum(daily * weekly * chance.lognormal(0, 0.06, periods) + bursts, 0)
    base = read("nasa_http_1995-7d-15min")
    return {**base, "source": "synthetic", "period_minutes": period_minutes, "demand_units": (demand / demand.max() * 20_000).tolist()}


def cases(*, quick: bool) -> Iterator[Case]:
    """What is measured, the cheap ones first."""
    for suffix, limit, gap in (("60min", 5.0, 1e-6), ("1d-15min", 5.0, 1e-3), ("7d-15min", 5.0, 1e-4), ("7d-5min", 30.0, 1e-3)):
        if quick and suffix == "7d-5min":
            continue
        for path in sorted(INSTANCES.glob(f"*{suffix}.json")):
            instance = read(path.stem)
            yield Case(name=path.stem, instance=instance, limit_s=limit, gap=gap, known_usd=instance["reference"]["best_known_usd"])
        if suffix == "60min":
            yield Case(name="synthetic-30d-60min", instance=synthetic(60, 30), limit_s=5.0, gap=1e-6, known_usd=None)
    if not quick:
        yield Case(name="synthetic-30d-15min", instance=synthetic(15, 30), limit_s=30.0, gap=1e-3, known_usd=None)


def timed(case: Case) -> tuple[CapacityPlan, float]:
    """The plan and the seconds it took; `stop` ends it at the limit."""
    began = time.perf_counter()
    plan = solve(CapacityProblem.from_instance(case.instance), stop=lambda: time.perf_counter() - began > case.limit_s)
    return plan, time.perf_counter() - began


def highs_alone(case: Case) -> str:
    """Gap and seconds of HiGHS without a start, as text."""
    problem = CapacityProblem.from_instance(case.instance)
    began = time.perf_counter()
    try:
        found = solve_milp(problem, stop=lambda: time.perf_counter() - began > case.limit_s)
    except IronwoodError as error:
        return str(error)
    seconds = time.perf_counter() - began
    if found.sizes is None:
        return f"no plan {seconds:7.2f} s"
    cost = verify(problem, found.sizes).cost_usd
    return f"{(cost - found.lower_bound_usd) / cost:9.4%} {seconds:7.2f} s"


def cold(cache: str | None) -> float:
    """Seconds of a new process from its first import to its first answer; `cache` is an empty folder to compile into, or None for the usual one."""
    environment = dict(os.environ) if cache is None else {**os.environ, "NUMBA_CACHE_DIR": cache}
    command = [sys.executable, "-c", COLD, str(INSTANCES / "nasa_http_1995-7d-15min.json")]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the five-minute weeks and the month of quarter hours")
    parser.add_argument("--no-highs", action="store_true", help="leave out HiGHS alone")
    parser.add_argument("--compile", action="store_true", help="also time a process that has to compile everything first")
    chosen = parser.parse_args()
    for name in ("nasa_http_1995-7d-60min", "nasa_http_1995-1d-15min"):  # loads, or compiles once, everything that is timed
        solve(CapacityProblem.from_instance(read(name)))
    print(f"cold process, compiled code on disk: 7 d at 15 min solved {cold(None):.2f} s after its first import")
    if chosen.compile:
        with tempfile.TemporaryDirectory() as folder:
            print(f"cold process, nothing compiled:      7 d at 15 min solved {cold(folder):.2f} s after its first import")
    print(
        f"{'instance':30s} {'cost USD':>14s} {'to known':>9s} {'gap':>9s} {'asked':>7s} {'time':>9s} {'limit':>6s}   HiGHS alone: gap, time"
    )
    for case in cases(quick=chosen.quick):
        plan, seconds = timed(case)
        ratio = "-" if case.known_usd is None else f"{plan.cost_usd / case.known_usd - 1:+.4%}"
        row = f"{case.name:30s} {plan.cost_usd:14.2f} {ratio:>9s} {plan.gap:9.5%} {case.gap:7.3%} {seconds:7.3f} s {case.limit_s:4.0f} s"
        print(f"{row}   {'' if chosen.no_highs else highs_alone(case)}", flush=True)


if __name__ == "__main__":
    main()
