"""Say what each policy would have cost on recorded demand, beside the clairvoyant optimum of the same days.

    python -m flows.replay --trace june.csv --policy all --plots plots/

The rules are defined to the dollar in docs/forecasting.md. With PREFECT_API_URL set the run is a Prefect flow run and leaves an artifact.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from prefect import flow
from prefect.artifacts import create_table_artifact
from rich.console import Console
from rich.table import Table

from flows.exit_codes import exit_code
from flows.run_names import named
from ironwood.capacity import CapacityPlan, offers
from ironwood.capacity.demand import BINS_PER_DAY, GRID_MINUTES, Demand
from ironwood.capacity.policies import POLICIES, Optimized, Policy, priced
from ironwood.capacity.replay import STANDARD_SHORTFALL_USD, Replayed, Rules, make_rules
from tasks.inputs import load_price_book, load_profile
from tasks.optimize import (
    TOLD_MINUTES,
    Progress,
    Run,
    clairvoyant,
    days_to_test,
    known_use,
    read_demand,
    run_policy,
    run_told,
    write_sizes,
)
from tasks.replay_plots import plot_all

_FRONTIER_FACTORS: Final = (0.5, 2.0, 4.0)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for."""

    trace: Path
    policy: str
    profile: str | None = None
    test_days: float | None = None
    peak_units: float = 20_000.0
    column: str | None = None
    decide_every: int = GRID_MINUTES
    shortfall_factor: float = 1.0
    zone: str | None = None
    since: str | None = None
    until: str | None = None
    holidays: str | None = None
    sizes: Path | None = None
    plots: Path | None = None
    as_json: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """Everything one replay found."""

    demand: Demand
    test_bins: int
    rules: Rules
    optimum: CapacityPlan
    runs: tuple[Run, ...]
    informed: tuple[Replayed, ...]
    frontier: tuple[Replayed, ...]


def rules_of(profile: str | None, decide_every: int) -> Rules:
    """The rules to replay under: the standard tiers, or the tiers, leads, prices and policy of a profile."""
    if profile is None:
        return make_rules(shortfall_usd_per_unit_hour=STANDARD_SHORTFALL_USD, decide_every_minutes=decide_every)
    ours = load_profile(profile)
    return offers.rules_of(ours, load_price_book(ours.price_book), {}, decide_every)


def _policies(name: str) -> list[Policy]:
    return list(POLICIES.values()) if name == "all" else [POLICIES[name]]


def replay_trace(request: Request, say: Progress) -> Outcome:
    """Replay what was asked for. Raises InputError."""
    known = known_use(request.trace)
    use = replace(known, zone=request.zone or known.zone, since=request.since or known.since, until=request.until or known.until)
    demand = read_demand(request.trace, use, peak_units=request.peak_units, column=request.column, country=request.holidays)
    for repair in demand.repairs:
        say(f"{demand.name}: {repair}")
    if use.since or use.until:
        say(f"{demand.name}: {use.since} to {use.until}, {use.zone}")
    test_bins = days_to_test(demand, request.test_days, use)
    rules = rules_of(request.profile, request.decide_every)
    chosen = [priced(policy, request.shortfall_factor) if isinstance(policy, Optimized) else policy for policy in _policies(request.policy)]
    runs = tuple(run_policy(policy, rules, demand, test_bins, say) for policy in chosen)
    optimum = clairvoyant(rules, demand, test_bins, say)
    optimized = next((policy for policy in chosen if isinstance(policy, Optimized)), None)
    informed: tuple[Replayed, ...] = ()
    frontier: tuple[Replayed, ...] = ()
    if optimized is not None and not request.as_json:
        informed = tuple(run_told(optimized, rules, demand, test_bins, minutes, say) for minutes in TOLD_MINUTES)
    if optimized is not None and request.plots is not None:
        frontier = tuple(
            replace(
                run_policy(priced(optimized, factor), rules, demand, test_bins, say).replayed, policy=f"optimized, shortfall x {factor:g}"
            )
            for factor in _FRONTIER_FACTORS
        )
    return Outcome(demand=demand, test_bins=test_bins, rules=rules, optimum=optimum, runs=runs, informed=informed, frontier=frontier)


def as_json(outcome: Outcome) -> str:
    """One object; with several policies their figures are in its list `policies`."""
    optimum = outcome.optimum
    head: dict[str, object] = {
        "trace": outcome.demand.name,
        "test_days": outcome.test_bins / BINS_PER_DAY,
        "clairvoyant": round(optimum.cost_usd, 2),
        "bound": round(optimum.lower_bound_usd, 2),
    }
    rows = [_figures(run, optimum) for run in outcome.runs]
    return json.dumps(head | (rows[0] if len(rows) == 1 else {"policies": rows}))


def _figures(run: Run, optimum: CapacityPlan) -> dict[str, object]:
    bill = run.replayed.bill
    figures: dict[str, object] = {
        "policy": run.replayed.policy,
        "total": round(bill.total_usd, 2),
        "infrastructure": round(bill.infrastructure_usd, 2),
        "startup": round(bill.startup_usd, 2),
        "shortfall": round(bill.shortfall_usd, 2),
        "short_percent": round(bill.short_share * 100, 4),
        "ratio": round(bill.total_usd / optimum.cost_usd, 5) if optimum.cost_usd > 0 else None,
        "starts": bill.starts,
        "decision_ms_p50": round(float(np.percentile(run.milliseconds, 50)), 3),
        "decision_ms_p99": round(float(np.percentile(run.milliseconds, 99)), 3),
    }
    if run.calibration:
        figures["calibration"] = [
            {
                "lead_minutes": c.lead_minutes,
                "coverage_0.9": round(c.coverage, 4),
                "pinball": round(c.pinball, 5),
                "naive_pinball": round(c.naive_pinball, 5),
            }
            for c in run.calibration
        ]
    return figures


def tables(outcome: Outcome) -> list[Table]:
    """What a person reads."""
    optimum = outcome.optimum
    title = f"{outcome.demand.name}, last {outcome.test_bins / BINS_PER_DAY:g} days"
    costs = Table(title=title, caption=f"clairvoyant optimum ${optimum.cost_usd:,.0f}, proven at least ${optimum.lower_bound_usd:,.0f}")
    for head in ("policy", "infrastructure", "startup", "shortfall", "total", "ratio", "short", "starts", "ms p50", "ms p99"):
        costs.add_column(head, justify="left" if head == "policy" else "right")
    for run in outcome.runs:
        times = [f"{np.percentile(run.milliseconds, q):.1f}" for q in (50, 99)]
        costs.add_row(*_cells(run.replayed, optimum.cost_usd), *times)
    if outcome.informed:
        costs.add_section()
    for replayed in outcome.informed:
        costs.add_row(*_cells(replayed, optimum.cost_usd), "", "")
    costs.add_section()
    parts = (optimum.infrastructure_usd, optimum.startup_usd, optimum.shortfall_usd, optimum.cost_usd)
    share = optimum.shortfall_unit_hours * 60 / GRID_MINUTES / float(outcome.demand.units[-outcome.test_bins :].sum())
    costs.add_row("clairvoyant", *(f"${part:,.0f}" for part in parts), "1.000", f"{share:.2%}", "", "", "")
    shown = [costs]
    scores = [score for run in outcome.runs for score in run.calibration]
    if scores:
        honest = Table(title="the forecast's 0.9 quantile", caption="pinball loss as a share of mean demand")
        for head in ("lead", "covers", "pinball", "seasonal naive"):
            honest.add_column(head, justify="right")
        for score in scores:
            honest.add_row(f"{score.lead_minutes} min", f"{score.coverage:.1%}", f"{score.pinball:.4f}", f"{score.naive_pinball:.4f}")
        shown.append(honest)
    return shown


def information(outcome: Outcome) -> str:
    """How much of the gap to the optimum is information."""
    run = next((run for run in outcome.runs if run.calibration), None)
    if run is None or not outcome.informed:
        return ""
    gap = run.replayed.bill.total_usd - outcome.optimum.cost_usd
    if gap <= 0:
        return ""
    parts = [
        f"{1 - (told.bill.total_usd - outcome.optimum.cost_usd) / gap:.0%} of it in the next {minutes} min"
        for minutes, told in zip(TOLD_MINUTES, outcome.informed, strict=True)
    ]
    return f"optimized costs ${gap:,.0f} more than the clairvoyant optimum; of that gap the missing information is {', '.join(parts)}; the rest is control and later demand"


def _cells(replayed: Replayed, optimum_usd: float) -> list[str]:
    bill = replayed.bill
    parts = (bill.infrastructure_usd, bill.startup_usd, bill.shortfall_usd, bill.total_usd)
    ratio = f"{bill.total_usd / optimum_usd:.3f}" if optimum_usd > 0 else "-"
    return [replayed.policy, *(f"${part:,.0f}" for part in parts), ratio, f"{bill.short_share:.2%}", str(bill.starts)]


@flow(name="replay", flow_run_name=named("replay of {trace}"))
def replay(
    trace: str,
    policy: str = "all",
    profile: str | None = None,
    test_days: float | None = None,
    peak_units: float = 20_000.0,
    column: str | None = None,
    decide_every: int = GRID_MINUTES,
    shortfall_factor: float = 1.0,
    zone: str | None = None,
    since: str | None = None,
    until: str | None = None,
    holidays: str | None = None,
    sizes: str | None = None,
    plots: str | None = None,
    as_json: bool = False,
) -> None:
    """What each policy would have cost on the last `test_days` of a trace; printed, and kept as the artifact `replay`.

    The parameters are the flags of `python -m flows.replay --help`.
    """
    outcome = _carry_out(
        Request(
            trace=Path(trace),
            policy=policy,
            profile=profile,
            test_days=test_days,
            peak_units=peak_units,
            column=column,
            decide_every=decide_every,
            shortfall_factor=shortfall_factor,
            zone=zone,
            since=since,
            until=until,
            holidays=holidays,
            sizes=None if sizes is None else Path(sizes),
            plots=None if plots is None else Path(plots),
            as_json=as_json,
        )
    )
    _leave_artifact(outcome)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    request = _parse(arguments)

    def work() -> None:
        if os.environ.get("PREFECT_API_URL"):
            from flows.command_line import quiet_console  # slow to import, and only needed with a server

            quiet_console()
            paths = {"trace": str(request.trace), "sizes": _text(request.sizes), "plots": _text(request.plots)}
            replay(**(vars(request) | paths))
        else:
            _carry_out(request)

    return exit_code(work, stopped="stopped")


def _carry_out(request: Request) -> Outcome:
    """Replay and say it."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    outcome = replay_trace(request, lambda text: errors.print(text, markup=False))
    optimized = next((run for run in outcome.runs if run.board is not None), outcome.runs[0])
    if request.sizes is not None:
        write_sizes(request.sizes, optimized.replayed, outcome.demand)
    if request.plots is not None:
        for path in plot_all(request.plots, outcome.demand, outcome.runs, outcome.frontier, outcome.optimum):
            errors.print(f"plot {path}", markup=False)
    if request.as_json:
        print(as_json(outcome))
        return outcome
    console = Console(highlight=False, width=max(120, Console().width))
    for table in tables(outcome):
        console.print(table)
    console.print(information(outcome))
    return outcome


def _leave_artifact(outcome: Outcome) -> None:
    rows = [{key: value for key, value in _figures(run, outcome.optimum).items() if key != "calibration"} for run in outcome.runs]
    create_table_artifact(
        key="replay",
        table=rows,
        description=f"{outcome.demand.name}: clairvoyant ${outcome.optimum.cost_usd:,.0f}. {information(outcome)}",
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _parse(arguments: list[str] | None) -> Request:
    parser = argparse.ArgumentParser(prog="python -m flows.replay", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--trace", type=Path, required=True, help="CSV: timestamp and requests, total_tokens, or input_tokens and output_tokens"
    )
    parser.add_argument("--policy", choices=[*POLICIES, "all"], default="all")
    parser.add_argument("--profile", help="tiers and prices of this profile instead of the standard ones")
    parser.add_argument("--test-days", type=float, help="days to replay at the end (default 7, or the known trace's own)")
    parser.add_argument(
        "--peak-units", type=float, default=20_000.0, help="what the trace's maximum is scaled to, in capacity units (20000)"
    )
    parser.add_argument("--column", help="demand column (default requests, else total tokens)")
    parser.add_argument("--decide-every", type=int, default=GRID_MINUTES, metavar="MIN", help="minutes between decisions (5)")
    parser.add_argument("--shortfall-factor", type=float, default=1.0, help="above 1 optimized is safer and costs more (1)")
    parser.add_argument("--zone", help="time zone, such as Europe/Paris or UTC-4 (default UTC, or the known trace's own)")
    parser.add_argument("--since", help="first moment used, ISO 8601")
    parser.add_argument("--until", help="last moment used, ISO 8601")
    parser.add_argument("--holidays", metavar="COUNTRY", help="public holidays of this country behave like Sundays (FR, US-CA)")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
    parser.add_argument("--sizes", type=Path, metavar="FILE", help="write the decisions (of optimized, or of the one policy) as CSV")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write plots; replays the frontier too")
    return Request(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
