"""Plan capacity: forecast, solve, verify, and cut the week into few windows, priced beside the alternatives.

    python -m flows.plan_capacity --profile prod --trace june.csv --zone Europe/Paris
    python -m flows.plan_capacity --profile prod --trace june.csv --put-in-force
    python -m flows.plan_capacity --profile prod --clear

Nothing is changed unless it is asked for: the windows are printed and kept as artifacts. docs/forecasting.md and docs/capacity-model.md say
how they are found, docs/operations.md what holds when they are in force.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path

from prefect import flow
from prefect.settings import temporary_settings
from rich.console import Console

from cloud.connection import connect
from flows.command_line import quiet_console
from flows.exit_codes import exit_code
from flows.local_server import server_settings
from flows.putting_in_force import put, replaced_by_it, take_out, until_when
from flows.run_names import named
from flows.when_to_look import look_when_sizes_change
from ironwood.capacity.throughput import LLAMA_70B_TPU7X, Throughput, Work, in_chips
from ironwood.capacity.whatif import budget, parse_changes
from ironwood.errors import InputError, ProblemError
from tasks.inputs import load_profile
from tasks.leads import leads_of, learned
from tasks.optimize import known_use, read_demand
from tasks.week import Terms, plan_week
from tasks.week_plots import write_plot
from tasks.week_report import as_json as in_json
from tasks.week_report import leave_artifacts, show

_FIRST_GUESS = 1.0


@flow(name="plan_capacity", flow_run_name=named("plan capacity of {profile}"))
def plan_capacity(
    profile: str,
    trace: str = "",
    zone: str | None = None,
    windows: int | None = None,
    window_worth: float | None = None,
    peak_units: float | None = None,
    throughput: str | None = None,
    tokens: str | None = None,
    column: str | None = None,
    since: str | None = None,
    until: str | None = None,
    holidays: str | None = None,
    shortfall: float | None = None,
    budget_usd: float | None = None,
    what_if: str = "",
    leads: str = "stated",
    plots: str | None = None,
    as_json: bool = False,
    put_in_force: bool = False,
    in_force_until: str | None = None,
    clear: bool = False,
) -> int:
    """Plan the week after the trace's end and say it as weekly windows in `zone`; returns how many.

    `windows`: at most so many; else a further window must save `window_worth` dollars a week (0.5 % of the week's cost). `peak_units` scales the
    trace's maximum; else its requests or tokens are counted in chips (`throughput`: LOW,LIKELY,HIGH output tokens a second a chip; `tokens`:
    INPUT,OUTPUT of a request). `budget_usd` bounds a week's pods. `what_if`: price=+10%,lead=30,budget=20000,max_small=4,shortfall=24.
    `put_in_force`: from now on the windows decide the tiers' sizes, until `in_force_until` (a local date or time). `clear` takes the plan in force
    out of it and plans nothing.
    `leads`: `stated`, or `learned` by the profile's ledger from what growth has taken.
    """
    ours = load_profile(profile)
    if (clear or in_force_until is not None) and clear == put_in_force:
        raise InputError(
            "put_in_force, with in_force_until or without, or clear: choose one of the two, such as --put-in-force --in-force-until 2027-01-31"
        )
    if clear:
        take_out(connect(ours), ours)
        look_when_sizes_change(connect(ours), profile, ours)
        return 0
    connection = connect(ours) if put_in_force else None
    before = replaced_by_it(connection, ours) if connection else None
    lasting = until_when(in_force_until, ours, connection.clock.now()) if connection else None
    use = known_use(Path(trace))
    named = zone or use.zone
    since, until = since or use.since, until or use.until
    chips = _throughput(throughput)
    changes = [*([budget(budget_usd * 1.1), budget(None)] if budget_usd is not None else []), *parse_changes(what_if)]
    demand = read_demand(
        Path(trace),
        type(use)(zone=named, since=since, until=until, test_days=use.test_days),
        peak_units=peak_units or _FIRST_GUESS,
        column=column,
        country=holidays,
    )
    console = Console(highlight=False, width=max(150, Console().width))
    said = Console(stderr=True, highlight=False, soft_wrap=True)
    for repair in demand.repairs:
        said.print(f"{demand.name}: {repair}", markup=False)
    if peak_units is None:
        demand = in_chips(demand, _work(tokens), chips)
        said.print(
            f"{demand.name}: the peak of {demand.peak_value:,.0f} {demand.column} in {demand.native_minutes:g} min is {demand.units.max():,.0f} chips at "
            f"{chips.likely:,.0f} tokens a second each ({chips.low:,.0f} to {chips.high:,.0f}: carried as scenarios)",
            markup=False,
        )
    terms = Terms(
        profile=profile,
        zone=named,
        windows=windows,
        worth_usd=window_worth,
        shortfall_usd=shortfall,
        budget_usd=budget_usd,
        throughput=chips if peak_units is None else None,
        changes=tuple(changes),
        in_force=before.windows if before else None,
        lead_minutes=_leads(profile, leads),
    )
    week = plan_week(demand, terms, lambda text: said.print(text, markup=False))
    if as_json:
        print(in_json(week))
    else:
        show(week, console)
    if plots is not None:
        said.print(f"plot {write_plot(Path(plots), week)}", markup=False)
    leave_artifacts(week)
    if connection is not None:
        put(connection, ours, week, before, lasting)
        look_when_sizes_change(connection, profile, ours)
    return week.chosen.count


def _leads(profile: str, leads: str) -> dict[str, float]:
    """The median lead of each tier the ledger has learned one of, in minutes."""
    if leads == "stated":
        return {}
    if leads != "learned":
        raise ProblemError(f"leads: {leads!r} is not one of stated, learned")
    ours = load_profile(profile)
    known = learned(connect(ours), ours)
    return {name: lead.p50 / timedelta(minutes=1) for name, lead in leads_of(ours, known) if lead.count}


def _numbers(text: str, count: int, what: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise ProblemError(f"{text!r}: give {what}")
    return numbers


def _throughput(text: str | None) -> Throughput:
    if text is None:
        return LLAMA_70B_TPU7X
    low, likely, high = _numbers(text, 3, "LOW,LIKELY,HIGH tokens a second a chip, such as 750,1500,3000")
    return Throughput(low=low, likely=likely, high=high)


def _work(text: str | None) -> Work:
    if text is None:
        return Work()
    given, made = _numbers(text, 2, "INPUT,OUTPUT tokens of a request, such as 1000,250")
    return Work(input_tokens_per_request=given, output_tokens_per_request=made)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    given = {name: value for name, value in vars(_parser().parse_args(arguments)).items() if value is not None}

    def work() -> None:
        load_profile(given["profile"])
        if not given.get("clear") and not Path(given["trace"]).is_file():
            raise ProblemError(f"{given['trace'] or '--trace'}: there is no such file; give the path of a CSV file")
        with temporary_settings(server_settings()):
            quiet_console()
            plan_capacity(**given)

    return exit_code(work, stopped="stopped; nothing was changed")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows.plan_capacity", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--profile", default="embedded", metavar="NAME|FILE", help="a name in profiles/ or a YAML file (default: %(default)s)"
    )
    parser.add_argument("--trace", default="", help="CSV: timestamp and requests, total_tokens, or input_tokens and output_tokens")
    parser.add_argument("--zone", help="time zone of the windows, such as Europe/Paris (default UTC, or the known trace's own)")
    parser.add_argument("--windows", type=int, metavar="N", help="at most so many windows")
    parser.add_argument(
        "--window-worth", type=float, metavar="USD", help="what a further window must save a week (default 0.5 %% of the cost)"
    )
    parser.add_argument("--peak-units", type=float, help="scale the trace's maximum to so many capacity units")
    parser.add_argument(
        "--throughput", metavar="LOW,LIKELY,HIGH", help="output tokens a second a chip, without --peak-units (750,1500,3000)"
    )
    parser.add_argument("--tokens", metavar="INPUT,OUTPUT", help="tokens of a request, without --peak-units (1000,250)")
    parser.add_argument("--column", help="demand column (default requests, else total tokens)")
    parser.add_argument("--since", help="first moment used, ISO 8601")
    parser.add_argument("--until", help="last moment used, ISO 8601")
    parser.add_argument("--holidays", metavar="COUNTRY", help="public holidays of this country behave like Sundays (FR, US-CA)")
    parser.add_argument("--shortfall", type=float, metavar="USD", help="price of a unit-hour not served (10 x the cheapest tier's)")
    parser.add_argument("--budget-usd", type=float, metavar="USD", help="most a week's pods may cost")
    parser.add_argument("--what-if", metavar="CHANGES", help="price=+10%%,lead=30,budget=20000,max_small=4,shortfall=24")
    parser.add_argument("--leads", choices=("stated", "learned"), help="learned: what growth has taken by the profile's ledger (stated)")
    parser.add_argument("--plots", metavar="DIR", help="write the plot")
    parser.add_argument("--put-in-force", action="store_true", help="let the windows decide the tiers' sizes from now on")
    parser.add_argument("--in-force-until", metavar="WHEN", help="when they stop doing so: a date or time in the profile's time zone")
    parser.add_argument("--clear", action="store_true", help="take the plan in force out of it; plans nothing")
    parser.add_argument("--json", action="store_true", dest="as_json", default=None, help="print one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
