"""Demand as values on one grid of five minutes, read from the text of a trace.

1. Nothing is guessed silently: every repair is stated in `repairs`, what cannot be repaired is a TraceError with file and line.
2. Carry forward: a coarser trace holds its value inside its native bin, a gap holds the last value before it, of duplicates the first stays.
   A finer trace is averaged. What a gap held is known only as "the last value": no value comes from the future.
3. A moment knows the native bins completed before it and nothing else (`known_at`).

A trace is CSV with a header: `timestamp` (ISO 8601; without an offset it is local time in the zone given, UTC if none) and at least one of
`requests`, `total_tokens`, `input_tokens` + `output_tokens`. An empty field is a gap.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from ironwood.errors import TraceError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

GRID_MINUTES: Final = 5
BINS_PER_DAY: Final = 24 * 60 // GRID_MINUTES
_GRID_SECONDS: Final = GRID_MINUTES * 60
_TOKENS: Final = ("input_tokens", "output_tokens")
_HOUR_SECONDS: Final = 3600
_JITTER: Final = 0.25  # of a native bin: a timestamp this near to its place is moved there


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """A trace as it was recorded, in order, one value a native bin.

    `seconds`: start of each bin, UTC epoch, strictly increasing, shape (bins,). `values`: demand in the trace's own unit, shape (bins,).
    """

    name: str
    column: str
    seconds: IntArray
    values: FloatArray
    native_seconds: int
    repairs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Calendar:
    """When the bins of a grid are. Known in advance, so a policy may see all of it.

    `offset_minutes`: local time minus UTC of each bin, shape (bins,). `native_bins`: grid bins a native bin spans, at least 1.
    `special`: True on bins of days that behave like a Sunday (holidays), shape (bins,).
    """

    start: datetime
    offset_minutes: IntArray
    native_bins: int
    special: NDArray[np.bool_]

    @property
    def bins(self) -> int:
        """Bins of the grid."""
        return int(self.offset_minutes.shape[0])

    def local(self, index: int) -> datetime:
        """Local wall time of the start of a bin, without a zone."""
        moment = self.start + timedelta(minutes=GRID_MINUTES * index + int(self.offset_minutes[min(index, self.bins - 1)]))
        return moment.replace(tzinfo=None)

    def known_at(self, index: int) -> int:
        """Grid bins whose native bin is complete at the start of bin `index`."""
        return index // self.native_bins * self.native_bins


@dataclass(frozen=True, kw_only=True, eq=False)
class Demand:
    """Demand in capacity units on the grid, shape (bins,), with its calendar.

    Where it was scaled from: its maximum on the grid was `peak_value` of the trace's `column` in a native bin of `native_minutes`.
    """

    name: str
    units: FloatArray
    calendar: Calendar
    repairs: tuple[str, ...] = ()
    column: str = ""
    peak_value: float = 0.0
    native_minutes: float = float(GRID_MINUTES)

    @property
    def bins(self) -> int:
        """Bins of the grid."""
        return int(self.units.shape[0])


def parse_zone(text: str) -> tzinfo:
    """'Europe/Paris', 'UTC', 'UTC-4' or 'UTC+05:30'. Raises TraceError."""
    if text.startswith("UTC") and len(text) > len("UTC"):
        hours, _, minutes = text.removeprefix("UTC").partition(":")
        try:
            length = timedelta(hours=abs(int(hours)), minutes=int(minutes or 0))
            return timezone(-length if hours.startswith("-") else length)
        except ValueError as error:
            raise TraceError(f"time zone {text!r}: write UTC-4, UTC+05:30 or a name such as Europe/Paris") from error
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise TraceError(f"time zone {text!r} is not known: write UTC-4, UTC+05:30 or a name such as Europe/Paris") from error


def parse_trace(text: str, *, source: str, column: str | None = None, zone: tzinfo = UTC) -> Trace:
    """Read a trace from the text of its file; `source` names it in errors, `zone` is that of timestamps without an offset. Raises TraceError."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    header = [name.strip() for name in next(reader, [])]
    if "timestamp" not in header:
        raise TraceError(
            f"{source}:1: no column 'timestamp' among {header}; the header must be timestamp,requests[,input_tokens,output_tokens]"
        )
    rows = [(line, row) for line, row in enumerate(reader, start=2) if any(cell.strip() for cell in row)]
    for line, row in rows:
        if len(row) != len(header):
            raise TraceError(f"{source}:{line}: {len(row)} fields where the header has {len(header)}; fix or remove the line")
    names = _demand_columns(header, rows, column, source)
    repairs: list[str] = []
    seconds = _read_times(rows, header.index("timestamp"), zone, source, repairs)
    values = _read_values(rows, [(header.index(name), name) for name in names], source, repairs)
    seconds, values = _put_in_order(seconds, values, repairs)
    native = _native_seconds(seconds)
    kept = ~np.isnan(values)
    seconds, values = seconds[kept], values[kept]
    if len(seconds) < 2:
        raise TraceError(f"{source}: {len(seconds)} row(s) with a value in {'+'.join(names)}; a trace needs at least two, better a day")
    seconds = _snap(seconds, native, source, repairs)
    missing = np.diff(seconds) // native - 1
    if missing.any():
        longest = timedelta(seconds=int(missing.max()) * native)
        repairs.append(f"{int(missing.sum())} missing bins in {int((missing > 0).sum())} gaps (longest {longest}) carried forward")
    return Trace(name=source, column="+".join(names), seconds=seconds, values=values, native_seconds=native, repairs=tuple(repairs))


def to_demand(
    trace: Trace,
    *,
    peak_units: float,
    zone: tzinfo = UTC,
    since: datetime | None = None,
    until: datetime | None = None,
    special_days: frozenset[str] = frozenset(),
) -> Demand:
    """Put a trace on the grid, its maximum scaled to `peak_units`; `since` and `until` (both inclusive) cut it before it is scaled.

    `special_days`: local dates (ISO) that behave like Sundays. Raises TraceError.
    """
    first = -math.inf if since is None else since.timestamp()
    last = math.inf if until is None else until.timestamp()
    inside = (trace.seconds >= first) & (trace.seconds <= last)
    seconds, values = trace.seconds[inside], trace.values[inside]
    if len(seconds) < 2:
        raise TraceError(f"{trace.name}: {len(seconds)} bins between {since} and {until}; widen the range")
    if not math.isfinite(peak_units) or peak_units <= 0:
        raise TraceError(f"{trace.name}: the peak must be a number of units above 0, not {peak_units}")
    if values.max() <= 0:
        raise TraceError(f"{trace.name}: every value of {trace.column} is 0; choose another column")
    start = int(seconds[0])
    elapsed = seconds - start
    bins = max(1, (int(elapsed[-1]) + trace.native_seconds) // _GRID_SECONDS)
    if trace.native_seconds < _GRID_SECONDS:
        place = np.minimum(elapsed // _GRID_SECONDS, bins - 1)
        count = np.bincount(place, minlength=bins)
        total = np.bincount(place, weights=values, minlength=bins)
        filled = np.maximum.accumulate(np.where(count > 0, np.arange(bins), 0))
        grid = (total / np.maximum(count, 1))[filled]
    else:
        grid = values[np.searchsorted(elapsed, np.arange(bins) * _GRID_SECONDS, side="right") - 1]
    units = grid / grid.max() * peak_units
    units.setflags(write=False)
    beginning = datetime.fromtimestamp(start, tz=UTC)
    whole = trace.native_seconds % _GRID_SECONDS == 0
    calendar = make_calendar(
        beginning, bins, zone=zone, native_bins=trace.native_seconds // _GRID_SECONDS if whole else 1, special_days=special_days
    )
    repairs = (
        trace.repairs
        if whole or trace.native_seconds < _GRID_SECONDS
        else (*trace.repairs, f"native bins of {trace.native_seconds} s do not fit the grid; each grid bin holds the one it starts in")
    )
    return Demand(
        name=trace.name,
        units=units,
        calendar=calendar,
        repairs=repairs,
        column=trace.column,
        peak_value=float(grid.max()),
        native_minutes=trace.native_seconds / 60,
    )


def make_calendar(
    start: datetime, bins: int, *, zone: tzinfo = UTC, native_bins: int = 1, special_days: frozenset[str] = frozenset()
) -> Calendar:
    """The calendar of `bins` grid bins from `start` (with a zone)."""
    hourly = range(0, bins, 60 // GRID_MINUTES)
    offsets = []
    for index in hourly:
        local = (start + timedelta(minutes=GRID_MINUTES * index)).astimezone(zone)
        offset = local.utcoffset()
        offsets.append(int(offset.total_seconds() // 60) if offset is not None else 0)
    minutes = np.repeat(np.array(offsets, dtype=np.int64), 60 // GRID_MINUTES)[:bins]
    special = np.zeros(bins, dtype=np.bool_)
    if special_days:
        days = [(start + timedelta(minutes=GRID_MINUTES * i + int(minutes[i]))).date().isoformat() for i in range(bins)]
        special = np.array([day in special_days for day in days], dtype=np.bool_)
    return Calendar(start=start, offset_minutes=minutes, native_bins=max(1, native_bins), special=special)


def _demand_columns(header: list[str], rows: list[tuple[int, list[str]]], column: str | None, source: str) -> tuple[str, ...]:
    present = {name for index, name in enumerate(header) if any(row[index].strip() for _, row in rows)}
    if column is not None:
        if column in header:
            return (column,)
        if column == "total_tokens" and set(_TOKENS) <= set(header):
            return _TOKENS
        raise TraceError(f"{source}:1: no column {column!r} among {header}; choose one of them")
    for names in (("requests",), ("total_tokens",), _TOKENS):
        if set(names) <= present:
            return names
    raise TraceError(
        f"{source}: no demand in columns {header}: need requests, total_tokens or input_tokens and output_tokens with values; or choose a column"
    )


def _read_times(rows: list[tuple[int, list[str]]], index: int, zone: tzinfo, source: str, repairs: list[str]) -> IntArray:
    moments: list[int] = []
    folded = 0
    naive = 0
    fold = 0
    before: datetime | None = None
    for line, row in rows:
        try:
            moment = datetime.fromisoformat(row[index].strip())
        except ValueError as error:
            raise TraceError(f"{source}:{line}: {row[index]!r} is not a time; write ISO 8601 such as 2026-03-01T08:05:00Z") from error
        if moment.tzinfo is None:
            naive += 1
            stepped_back = before is not None and moment <= before and (before - moment) < timedelta(seconds=_HOUR_SECONDS)
            ambiguous = moment.replace(tzinfo=zone, fold=0).utcoffset() != moment.replace(tzinfo=zone, fold=1).utcoffset()
            fold = int(ambiguous and (stepped_back or fold == 1))
            folded += fold
            before = moment
            moment = moment.replace(tzinfo=zone, fold=fold)
        moments.append(int(moment.timestamp()))
    if naive:
        repairs.append(f"{naive} timestamps without an offset read as local time in {zone}")
    if folded:
        repairs.append(f"{folded} timestamps of the repeated hour when clocks go back read as its second pass")
    return np.array(moments, dtype=np.int64)


def _read_values(rows: list[tuple[int, list[str]]], columns: list[tuple[int, str]], source: str, repairs: list[str]) -> FloatArray:
    values = np.zeros(len(rows))
    for place, (line, row) in enumerate(rows):
        for index, name in columns:
            cell = row[index].strip()
            try:
                value = float(cell) if cell else math.nan
            except ValueError as error:
                raise TraceError(f"{source}:{line}: {name} is {cell!r}, not a number; leave it empty if it is unknown") from error
            if cell and not math.isfinite(value):
                raise TraceError(f"{source}:{line}: {name} is {cell!r}; leave it empty if it is unknown")
            if value < 0:
                raise TraceError(f"{source}:{line}: {name} is {cell}; demand is never negative, leave it empty if it is unknown")
            values[place] += value
    empty = int(np.isnan(values).sum())
    if empty:
        repairs.append(f"{empty} rows without a value treated as gaps")
    return values


def _put_in_order(seconds: IntArray, values: FloatArray, repairs: list[str]) -> tuple[IntArray, FloatArray]:
    backward = int((np.diff(seconds) < 0).sum())
    if backward:
        repairs.append(f"rows were not in order ({backward} steps back): sorted by time")
        order = np.argsort(seconds, kind="stable")
        seconds, values = seconds[order], values[order]
    unique, first = np.unique(seconds, return_index=True)
    if len(unique) < len(seconds):
        repairs.append(f"{len(seconds) - len(unique)} duplicated timestamps: the first row of each kept")
    return unique, values[first]


def _native_seconds(seconds: IntArray) -> int:
    """The commonest step, to the whole minute where it is one or more; the shorter of two as common."""
    if len(seconds) < 2:
        return _GRID_SECONDS
    steps = np.diff(seconds)
    rounded = np.where(steps >= 60, np.rint(steps / 60).astype(np.int64) * 60, steps)
    lengths, counts = np.unique(rounded, return_counts=True)
    return int(lengths[np.argmax(counts)])


def _snap(seconds: IntArray, native: int, source: str, repairs: list[str]) -> IntArray:
    """Move timestamps that jitter around the native grid onto it."""
    place = np.rint((seconds - seconds[0]) / native).astype(np.int64)
    snapped = seconds[0] + place * native
    moved = int((snapped != seconds).sum())
    if moved and np.abs(snapped - seconds).max() > _JITTER * native:
        # Not a jitter but another phase or bin length after a gap: keep the times as they are.
        return seconds
    if moved and len(np.unique(place)) < len(place):
        raise TraceError(f"{source}: bins of {native} s overlap; resample the trace to one bin length")
    if moved:
        repairs.append(f"{moved} timestamps moved by at most {int(np.abs(snapped - seconds).max())} s onto bins of {native} s")
    return np.asarray(snapped)
