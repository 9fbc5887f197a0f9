"""What a run did, as the ledger's log keeps it, and what the runs of a month say was spent.

1. A record holds no secret: which operation, the plan's counts, the sizes, US dollars an hour before and after. 2. Between two records the rate
is what the earlier one left; so a month's spend is a sum of rates x time, an estimate at the price book named, without traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

SECONDS_AN_HOUR = 3_600
KIND = "run"
"""What an entry of the ledger's log that records a run calls itself."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One provision, scale or teardown: `plan` as `+4 ~1 -0`, `sizes` pods by tier afterwards, `book` the price book's name."""

    at: datetime
    profile: str
    operation: str
    plan: str
    sizes: Mapping[str, int]
    book: str
    hourly_before_usd: Decimal
    hourly_after_usd: Decimal

    def content(self) -> dict[str, str | float | dict[str, int]]:
        """The record as the payload of a log entry; amounts are decimal strings."""
        return {
            "kind": KIND,
            "profile": self.profile,
            "operation": self.operation,
            "plan": self.plan,
            "sizes": dict(self.sizes),
            "book": self.book,
            "hourly_before_usd": str(self.hourly_before_usd),
            "hourly_after_usd": str(self.hourly_after_usd),
        }


def read_record(at: datetime, content: Mapping[str, object]) -> RunRecord | None:
    """The record in a log entry's payload; None for an entry that is no record of ours."""
    sizes = content.get("sizes", {})
    try:
        return RunRecord(
            at=at,
            profile=str(content["profile"]),
            operation=str(content["operation"]),
            plan=str(content["plan"]),
            sizes={str(tier): int(float(str(pods))) for tier, pods in sizes.items()} if isinstance(sizes, Mapping) else {},
            book=str(content["book"]),
            hourly_before_usd=Decimal(str(content["hourly_before_usd"])),
            hourly_after_usd=Decimal(str(content["hourly_after_usd"])),
        )
    except (KeyError, ValueError, InvalidOperation):
        return None


def spent_usd(records: Iterable[RunRecord], *, since: datetime, until: datetime) -> Decimal:
    """US dollars between two instants at the rates the records left; before the first record, none."""
    ordered = sorted(records, key=lambda record: record.at)
    if not ordered:
        return Decimal(0)
    total = Decimal(0)
    rate, start = Decimal(0), since
    for record in ordered:
        if record.at > since:
            end = min(record.at, until)
            total += rate * Decimal(str(max(0.0, (end - start).total_seconds()))) / SECONDS_AN_HOUR
            start = max(start, end)
        rate = record.hourly_after_usd
    return total + rate * Decimal(str(max(0.0, (until - start).total_seconds()))) / SECONDS_AN_HOUR


def month_of(when: datetime) -> datetime:
    """The first instant of the month `when` lies in, in its own time zone."""
    return when.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
