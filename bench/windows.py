"""Windows of a week: what each number of them costs above the bound, and the seconds it took. `python -m bench.windows DIR`."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from bench.policies import PEAK_UNITS, TRACES
from ironwood.capacity import CapacityProblem, solve
from ironwood.capacity.forecast.week import week_ahead
from ironwood.capacity.replay import STANDARD_SHORTFALL_USD, make_rules
from ironwood.capacity.windowing import fit_windows
from tasks.optimize import known_use, read_demand

SHOWN = (1, 2, 3, 4, 6, 8, 12)


def main() -> None:
    """Print a line a trace: the week after it, on the standard tiers."""
    parser = argparse.ArgumentParser(prog="bench.windows", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path, help="where the traces are")
    options = parser.parse_args()
    tiers = make_rules(shortfall_usd_per_unit_hour=STANDARD_SHORTFALL_USD).tiers
    for stem in TRACES:
        path = options.folder / f"{stem}.csv"
        forecast = week_ahead(read_demand(path, known_use(path), peak_units=PEAK_UNITS))
        problem = CapacityProblem(
            tiers=tiers, period_minutes=15, demand_units=forecast.units, shortfall_usd_per_unit_hour=STANDARD_SHORTFALL_USD, name=stem
        )
        began = time.perf_counter()
        plan = solve(problem)
        solved = time.perf_counter()
        problem = replace(
            problem, tiers=tuple(replace(tier, initial_pods=int(pods)) for tier, pods in zip(tiers, plan.sizes[-1], strict=True))
        )
        plan = solve(problem)
        fitting = time.perf_counter()
        curve = fit_windows(problem, plan_sizes=plan.sizes)
        ended = time.perf_counter()
        parts = [
            f"{count}: {min(fit.bill.cost_usd for fit in curve if fit.count <= count) / plan.lower_bound_usd - 1:.2%}" for count in SHOWN
        ]
        print(
            f"{stem}: {', '.join(parts)} above ${plan.lower_bound_usd:,.0f} a week; plan {solved - began:.1f} s, windows {ended - fitting:.1f} s"
        )


if __name__ == "__main__":
    main()
