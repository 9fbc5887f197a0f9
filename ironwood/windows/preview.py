"""The days ahead, one value a local day: what is wanted when, what is marked on it, and what it costs.

A day's dollars are those of what is held, the lead before each window included; its pieces are what is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from ironwood.capacity.demand import parse_zone
from ironwood.profile import Profile
from ironwood.windows.occurrences import InForce, holiday_name, zone_of
from ironwood.windows.timeline import Leads, Stretch, held, wanted
from ironwood.windows.wall import DAYS, clock_changes, instant

_HOUR: Final = timedelta(hours=1)
HourlyUsd = Callable[[Mapping[str, int]], Decimal]
"""What sizes (pods by tier) cost an hour."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """From `begin` until `end` (UTC, within one day) these sizes are wanted."""

    begin: datetime
    end: datetime
    sizes: Mapping[str, int]
    conflicting: bool


@dataclass(frozen=True, kw_only=True)
class DayAhead:
    """One local day."""

    day: date
    pieces: tuple[Piece, ...]
    usd: Decimal
    marks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A sentence of what could not be had as it was asked for, since when first, and for how long together."""

    text: str
    first: datetime
    lasts: timedelta


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The days ahead in the profile's time zone, and every conflict in them."""

    days: tuple[DayAhead, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def usd(self) -> Decimal:
        """All days together."""
        return sum((each.usd for each in self.days), Decimal(0))


def preview(profile: Profile, plan: InForce | None, moment: datetime, days: int, leads: Leads, hourly: HourlyUsd) -> Preview:
    """The day of `moment` and those after it, `days` together."""
    zone = ZoneInfo(profile.time_zone)
    today = moment.astimezone(zone).date()
    edges = [instant(today + timedelta(days=number), 0, zone) for number in range(days + 1)]
    wanting = wanted(profile, plan, edges[0], edges[-1])
    holding = held(profile, plan, edges[0], edges[-1], leads)
    found = []
    for number, (begin, end) in enumerate(pairwise(edges)):
        day = today + timedelta(days=number)
        usd = sum((hourly(each.decision.sizes) * _hours(first, last) for each, first, last in _within(holding, begin, end)), Decimal(0))
        found.append(
            DayAhead(day=day, pieces=tuple(_pieces(wanting, begin, end)), usd=usd, marks=tuple(_marks(profile, plan, day, begin, end)))
        )
    return Preview(days=tuple(found), conflicts=tuple(_conflicts(wanting)))


def _pieces(stretches: list[Stretch], begin: datetime, end: datetime) -> Iterator[Piece]:
    """Neighbours that differ in nothing but their reasons are one piece."""
    open_piece: Piece | None = None
    for each, first, last in _within(stretches, begin, end):
        sizes, conflicting = each.decision.sizes, bool(each.decision.conflicts)
        if open_piece is not None and (open_piece.sizes, open_piece.conflicting) == (sizes, conflicting):
            open_piece = Piece(begin=open_piece.begin, end=last, sizes=sizes, conflicting=conflicting)
            continue
        if open_piece is not None:
            yield open_piece
        open_piece = Piece(begin=first, end=last, sizes=sizes, conflicting=conflicting)
    if open_piece is not None:
        yield open_piece


def _within(stretches: list[Stretch], begin: datetime, end: datetime) -> Iterator[tuple[Stretch, datetime, datetime]]:
    for each in stretches:
        first, last = max(each.begin, begin), min(each.end, end)
        if first < last:
            yield each, first, last


def _hours(begin: datetime, end: datetime) -> Decimal:
    return Decimal((end - begin) // timedelta(microseconds=1)) / Decimal(_HOUR // timedelta(microseconds=1))


def _marks(profile: Profile, plan: InForce | None, day: date, begin: datetime, end: datetime) -> Iterator[str]:
    holiday = holiday_name(profile, day)
    if holiday is not None:
        yield f"{holiday}: like {DAYS[profile.holidays.like]}"
    for name in zones(profile, plan):
        for at, forward in clock_changes(begin, end, parse_zone(name)):
            way = "forward" if forward > timedelta() else "back"
            yield f"{name}: clocks go {way} {abs(forward) / _HOUR:g} h at {at.astimezone(parse_zone(name)) - forward:%H:%M}"
    zone = ZoneInfo(profile.time_zone)
    for override in profile.overrides:
        own = zone_of(profile, override)
        for what, at in (
            ("begins", override.begin.begin(own)),
            ("ends", override.until.end(own)),
            ("expires", override.expires.end(own)),
        ):
            if begin <= at < end:
                yield f"override {override.name} {what} {at.astimezone(zone):%H:%M}"
    if plan is not None and plan.until is not None and begin <= plan.until < end:
        yield f"{plan.said} runs out {plan.until.astimezone(zone):%H:%M}"


def zones(profile: Profile, plan: InForce | None) -> tuple[str, ...]:
    """Every time zone that something is written in, the profile's first."""
    named = [
        profile.time_zone,
        *(each.time_zone for each in profile.windows),
        *(each.time_zone for each in profile.overrides),
        plan and plan.windows.zone,
    ]
    return tuple(dict.fromkeys(name for name in named if name))


def _conflicts(stretches: list[Stretch]) -> Iterator[Conflict]:
    first: dict[str, datetime] = {}
    lasts: dict[str, timedelta] = {}
    for each in stretches:
        for text in each.decision.conflicts:
            first.setdefault(text, each.begin)
            lasts[text] = lasts.get(text, timedelta()) + (each.end - each.begin)
    for text, begin in first.items():
        yield Conflict(text=text, first=begin, lasts=lasts[text])
