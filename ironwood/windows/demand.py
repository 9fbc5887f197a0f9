"""The demand a capacity plan was made for, kept in its own document, so that it can be planned anew under less money.

It is coarse on purpose: hours of one local week from Monday 00:00, five equally likely levels each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from ironwood.capacity.problem import CapacityProblem

HOURS_A_WEEK = 168
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
KEY = "demand"


@dataclass(frozen=True, kw_only=True)
class WeekDemand:
    """Capacity units in each hour of the week, `units` (168, 5), and the price of a unit-hour not served, in US dollars."""

    units: tuple[tuple[float, ...], ...]
    shortfall_usd: float


def demand_of_week(problem: CapacityProblem) -> WeekDemand:
    """The demand of a problem of one local week, coarsened: its scenarios rise along a row, so hours are averaged level by level."""
    each_hour = round(1 / problem.hours)
    scenarios = np.sort(problem.demand_units[:, :, 0], axis=1)
    hours = scenarios.reshape(HOURS_A_WEEK, each_hour, -1).mean(axis=1)
    levels = np.quantile(hours, LEVELS, axis=1).T
    return WeekDemand(
        units=tuple(tuple(round(float(unit), 2) for unit in row) for row in levels), shortfall_usd=problem.shortfall_usd_per_unit_hour
    )


def with_demand(document: str, demand: WeekDemand) -> str:
    """The plan's document with the demand it was made for."""
    content = json.loads(document) | {KEY: {"units": [list(row) for row in demand.units], "shortfall_usd": demand.shortfall_usd}}
    return json.dumps(content, sort_keys=True)


def demand_in(document: str) -> WeekDemand | None:
    """The demand a plan's document carries; None where it carries none, or none of a week."""
    try:
        content = json.loads(document)[KEY]
        units = tuple(tuple(float(unit) for unit in row) for row in content["units"])
        found = WeekDemand(units=units, shortfall_usd=float(content["shortfall_usd"]))
    except (ValueError, KeyError, TypeError):
        return None
    return found if len(units) == HOURS_A_WEEK and {len(row) for row in units} == {len(LEVELS)} else None
