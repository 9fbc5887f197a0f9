"""Folds and test days of every policy: `python -m bench.policies DIR [--folds] [--told]`.

--folds replays the history days alone (the test days are cut off before anything is scaled): a run over the last days of the history, learning
as it goes, is one fold a day, each decided from the days before it. This is where parameters are chosen. Without it the test days are replayed,
with the frontier of cost against shortage and the calibration of the forecast. One figure a line; the clairvoyant optimum is the denominator.
--told replays the same controller told the truth of the next minutes instead of the frontier: what information is worth.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from ironwood.capacity.demand import BINS_PER_DAY, Calendar, Demand
from ironwood.capacity.policies import POLICIES, Optimized, priced
from ironwood.capacity.replay import STANDARD_SHORTFALL_USD, Rules, make_rules
from tasks.optimize import TOLD_MINUTES, TraceUse, clairvoyant, days_to_test, known_use, read_demand, run_policy, run_told

PEAK_UNITS = 20_000.0
# Traces and the days of history that are only learnt from before the first fold.
TRACES = {
    "servegen_m_mid_10min": 2,
    "servegen_m_small_10min": 2,
    "nasa_http_1995_5min": 4,
    "nab_elb_request_count_5min": 2,
    "burstgpt_week1_tokens_1min": 1,
}
JULY = TraceUse(zone="UTC-4", since="1995-07-01T04:00:00Z", until="1995-07-28T17:30:00Z", test_days=0)
FACTORS = (1.0, 1.5, 2.5, 3.0, 4.0)


def history(demand: Demand, test_bins: int) -> Demand:
    """The days before the test days, scaled by their own peak."""
    bins = demand.bins - test_bins
    old = demand.calendar
    calendar = Calendar(start=old.start, offset_minutes=old.offset_minutes[:bins], native_bins=old.native_bins, special=old.special[:bins])
    units = demand.units[:bins]
    return Demand(name=f"{demand.name} history", units=units / units.max() * PEAK_UNITS, calendar=calendar)


def tell(text: str) -> None:
    """Progress."""
    print(f"  {text}", file=sys.stderr)


def information(name: str, demand: Demand, test_bins: int, rules: Rules) -> None:
    """Print one trace: the policy as it is, and told the next minutes, over the clairvoyant optimum."""
    policy = POLICIES["optimized"]
    assert isinstance(policy, Optimized)
    optimum = clairvoyant(rules, demand, test_bins, tell)
    bills = {"as it is": run_policy(policy, rules, demand, test_bins, tell).replayed.bill}
    bills |= {f"told {minutes} min": run_told(policy, rules, demand, test_bins, minutes, tell).bill for minutes in TOLD_MINUTES}
    print(f"{name}: " + ", ".join(f"{key} {bill.total_usd / optimum.cost_usd:.4f} / {bill.short_share:.2%}" for key, bill in bills.items()))
    sys.stdout.flush()


def row(name: str, demand: Demand, test_bins: int, rules: Rules, factors: tuple[float, ...]) -> None:
    """Print one trace."""
    optimum = clairvoyant(rules, demand, test_bins, tell)
    reactive = run_policy(POLICIES["reactive"], rules, demand, test_bins, tell).replayed.bill
    print(
        f"{name}: clairvoyant ${optimum.cost_usd:,.0f} (bound ${optimum.lower_bound_usd:,.0f}), reactive {reactive.total_usd / optimum.cost_usd:.4f} / {reactive.short_share:.2%}"
    )
    policy = POLICIES["optimized"]
    assert isinstance(policy, Optimized)
    for factor in factors:
        run = run_policy(priced(policy, factor), rules, demand, test_bins, tell)
        bill = run.replayed.bill
        print(
            f"  optimized x{factor:g}: {bill.total_usd / optimum.cost_usd:.4f} / {bill.short_share:.2%}, of reactive {bill.total_usd / reactive.total_usd:.3f}, "
            f"decision ms p50 {np.percentile(run.milliseconds, 50):.1f} p99 {np.percentile(run.milliseconds, 99):.1f}"
        )
        if factor == 1.0:
            for score in run.calibration:
                print(
                    f"    lead {score.lead_minutes} min: 0.9 covers {score.coverage:.3f}, pinball {score.pinball:.4f} (seasonal naive {score.naive_pinball:.4f})"
                )
    sys.stdout.flush()


def main() -> None:
    """Read the command line and print a figure a line."""
    parser = argparse.ArgumentParser(prog="bench.policies", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path, help="where the traces are")
    parser.add_argument("--folds", action="store_true", help="history days only")
    parser.add_argument("--trace", action="append", help="only traces whose name begins so")
    parser.add_argument("--told", action="store_true", help="what information is worth, instead of the frontier")
    parser.add_argument("--factor", type=float, action="append", help="shortfall price factors of the frontier (default 1, 1.5, 2.5, 3, 4)")
    options = parser.parse_args()
    rules = make_rules(shortfall_usd_per_unit_hour=STANDARD_SHORTFALL_USD)
    for stem, learnt in TRACES.items():
        if options.trace and not any(stem.startswith(name) for name in options.trace):
            continue
        path = options.folder / f"{stem}.csv"
        use = known_use(path)
        demand = read_demand(path, use, peak_units=PEAK_UNITS)
        test_bins = days_to_test(demand, None, use)
        if options.told:
            information(stem, demand, test_bins, rules)
            continue
        if not options.folds:
            row(stem, demand, test_bins, rules, tuple(options.factor or FACTORS))
            continue
        past = history(demand, test_bins)
        row(f"{stem} folds", past, past.bins - learnt * BINS_PER_DAY, rules, (1.0,))
        if stem.startswith("nasa"):
            july = replace(read_demand(path, JULY, peak_units=PEAK_UNITS), name="nasa July")
            row("nasa_july folds", july, july.bins - 4 * BINS_PER_DAY, rules, (1.0,))


if __name__ == "__main__":
    main()
