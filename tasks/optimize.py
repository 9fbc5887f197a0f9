"""Read traces, replay policies over them with a stopwatch, and find the clairvoyant optimum of the same days."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

import holidays
import numpy as np
from numpy.typing import NDArray

from ironwood.capacity import CapacityPlan, solve
from ironwood.capacity.demand import BINS_PER_DAY, Demand, parse_trace, parse_zone, to_demand
from ironwood.capacity.forecast.calibration import Calibration, Scoreboard
from ironwood.capacity.offers import offers
from ironwood.capacity.policies import Optimized, Policy, World
from ironwood.capacity.policies.foresight import told
from ironwood.capacity.replay import Decision, Moment, PodOffer, Replayed, Rules, clairvoyant_problem, replay
from ironwood.errors import TraceError
from tasks.inputs import load_price_book, load_profile

FloatArray = NDArray[np.float64]
Progress = Callable[[str], None]

TOLD_MINUTES: Final = (10, 30, 120)
_TEST_DAYS: Final = 7
_SAY_EVERY: Final = 288
_CLAIRVOYANT_SECONDS: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class TraceUse:
    """How a published trace is used: its local time, the clean part of it and the days to test on."""

    zone: str = "UTC"
    since: str | None = None
    until: str | None = None
    test_days: int = _TEST_DAYS


# Stated beside the traces' sources; flags override each. Keyed by how the file's name begins.
KNOWN_TRACES: Final = {
    "nasa_http_1995": TraceUse(zone="UTC-4", since="1995-08-04T04:00:00Z", until="1995-08-31T03:55:00Z", test_days=14),
    "burstgpt_week1": TraceUse(test_days=3),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One policy replayed. `milliseconds`: of each decision, the forecast included, the first (which reads the whole history) apart."""

    replayed: Replayed
    milliseconds: FloatArray
    first_milliseconds: float
    board: Scoreboard | None = None
    calibration: tuple[Calibration, ...] = ()


def known_use(path: Path) -> TraceUse:
    """How the trace of this name is used, the default if it is not a known one."""
    return next((use for stem, use in KNOWN_TRACES.items() if path.stem.startswith(stem)), TraceUse())


def read_demand(path: Path, use: TraceUse, *, peak_units: float, column: str | None = None, country: str | None = None) -> Demand:
    """The demand of a trace's file. `country` (ISO, such as FR or US-CA): its public holidays behave like Sundays. Raises TraceError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TraceError(f"{path}: cannot be read ({error.strerror}); give the path of a CSV file") from error
    except UnicodeDecodeError as error:
        raise TraceError(f"{path}:1: is not UTF-8 text; save it as UTF-8") from error
    zone = parse_zone(use.zone)
    trace = parse_trace(text, source=path.name, column=column, zone=zone)
    years = range(
        datetime.fromtimestamp(int(trace.seconds[0]), tz=UTC).year, datetime.fromtimestamp(int(trace.seconds[-1]), tz=UTC).year + 2
    )
    return to_demand(
        trace,
        peak_units=peak_units,
        zone=zone,
        since=_moment(use.since),
        until=_moment(use.until),
        special_days=holiday_dates(country, years),
    )


def holiday_dates(country: str | None, years: range) -> frozenset[str]:
    """Public holidays as ISO dates; none without a country. Raises TraceError for a country that is not known."""
    if country is None:
        return frozenset()
    code, _, part = country.partition("-")
    try:
        found = holidays.country_holidays(code, subdiv=part or None, years=list(years))
    except NotImplementedError as error:
        raise TraceError(f"holidays of {country!r} are not known: write an ISO country such as FR, or with a part, US-CA") from error
    return frozenset(day.isoformat() for day in found)


def run_policy(policy: Policy, rules: Rules, demand: Demand, test_bins: int, say: Progress) -> Run:
    """Replay one policy and time its decisions."""
    own = policy.rules(rules)
    world = World(rules=own, calendar=demand.calendar)
    board = Scoreboard(demand.bins) if isinstance(policy, Optimized) else None
    controller = policy.watched(world, board.watch) if isinstance(policy, Optimized) and board is not None else policy.controller(world)
    times: list[float] = []

    def timed(moment: Moment) -> Decision:
        begin = time.perf_counter()
        decision = controller(moment)
        times.append((time.perf_counter() - begin) * 1e3)
        return decision

    replayed = replay(
        name=policy.name, rules=own, demand=demand, test_bins=test_bins, controller=timed, progress=_daily(policy.name, test_bins, say)
    )
    scores = tuple(board.score(demand.units)) if board is not None else ()
    return Run(replayed=replayed, milliseconds=np.array(times[1:] or times), first_milliseconds=times[0], board=board, calibration=scores)


def run_told(policy: Optimized, rules: Rules, demand: Demand, test_bins: int, minutes: int, say: Progress) -> Replayed:
    """The same controller told the truth of the next minutes."""
    name = f"told {minutes} min"
    controller = told(policy, World(rules=rules, calendar=demand.calendar), demand, minutes)
    return replay(name=name, rules=rules, demand=demand, test_bins=test_bins, controller=controller, progress=_daily(name, test_bins, say))


def clairvoyant(rules: Rules, demand: Demand, test_bins: int, say: Progress, seconds: float = _CLAIRVOYANT_SECONDS) -> CapacityPlan:
    """The optimum of the test days with its bound; stops looking for a better one after `seconds`."""
    say("clairvoyant optimum")
    end = time.perf_counter() + seconds
    return solve(clairvoyant_problem(rules, demand, test_bins), stop=lambda: time.perf_counter() > end)


def offers_of(profile: str, lead_minutes: Mapping[str, float] = MappingProxyType({})) -> tuple[PodOffer, ...]:
    """The enabled tiers of a profile, by its name or file, at its price book's prices; `lead_minutes` by tier, where they are learned."""
    ours = load_profile(profile)
    return offers(ours, load_price_book(ours.price_book), lead_minutes)


def days_to_test(demand: Demand, days: float | None, use: TraceUse) -> int:
    """Bins to test: the days asked for, else the trace's own, else half of a short trace. Raises TraceError."""
    wanted = days if days is not None else use.test_days
    bins = round(wanted * BINS_PER_DAY)
    if days is None and bins >= demand.bins - 1:
        bins = demand.bins // 2
    if bins < 1 or bins >= demand.bins:
        raise TraceError(f"{demand.name}: {wanted:g} test days of {demand.bins / BINS_PER_DAY:.2f} leave no history; test fewer days")
    return bins


def write_sizes(path: Path, run: Replayed, demand: Demand) -> None:
    """CSV of the decisions: timestamp, pods serving by tier, demand units. Anyone can recompute the cost from it."""
    seconds = int(demand.calendar.start.timestamp()) + 300 * (run.first_bin + np.arange(len(run.sizes)))
    lines = [",".join(["timestamp", *(tier.name for tier in run.rules.tiers), "demand_units"])]
    for at, pods, units in zip(seconds, run.sizes, demand.units[run.first_bin :], strict=True):
        stamp = datetime.fromtimestamp(int(at), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(",".join([stamp, *(str(int(n)) for n in pods), repr(float(units))]))
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise TraceError(f"{path}: cannot be written ({error.strerror}); give a path in a folder that exists") from error


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise TraceError(f"{text!r} is not a time; write ISO 8601 such as 2026-03-01T00:00:00Z") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _daily(name: str, bins: int, say: Progress) -> Callable[[int], None]:
    def progress(now: int) -> None:
        if now % _SAY_EVERY == 0:
            say(f"{name}: day {now // _SAY_EVERY + 1} of {-(-bins // _SAY_EVERY)}")

    return progress
