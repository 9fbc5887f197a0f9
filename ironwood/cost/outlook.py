"""What the month will have cost when it ends, with a band; and what was saved against holding the peak all the time.

1. Where the rates to come are known (windows in force) the forecast is what they cost; the band around it is how far the past days' spending strayed
from their own mean. 2. Where they are not, every day to come costs what the past days cost, ten to ninety of a hundred of them; with less than two
whole days behind, what runs now goes on, and the band reaches from nothing to the month's peak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from ironwood.cost.ledger import Book
from ironwood.cost.meter import first_use, peak_hourly_usd, spent
from ironwood.cost.pricebook import PriceBook

DAY = timedelta(days=1)
ENOUGH_DAYS = 2
LOW, HIGH = 0.1, 0.9
Rates = Sequence[tuple[datetime, Decimal]]
"""US dollars an hour from an instant on, in the order of the instants."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """US dollars at the end of the month: the forecast and its band, and how it was made; what was saved against the peak held all the time."""

    forecast_usd: Decimal
    low_usd: Decimal
    high_usd: Decimal
    basis: str
    saved_usd: Decimal


def outlook(
    book: Book,
    prices: PriceBook,
    *,
    since: datetime,
    now: datetime,
    end: datetime,
    spent_usd: Decimal,
    hourly_usd: Decimal,
    rates: Rates = (),
) -> Outlook:
    """The outlook at `now` of the month [since, end); `rates` are those to come, where they are known."""
    days = _days(book, prices, since, now)
    left = Decimal((end - now).total_seconds())
    peak = peak_hourly_usd(book, prices, since, now)
    began = first_use(book)
    held = Decimal((now - max(since, began)).total_seconds()) / 3600 if began else Decimal(0)
    saved = max(Decimal(0), peak * held - spent_usd)
    if rates:
        to_come = _cost(rates, now, end)
        low, high = _spread(days)
        basis = "the sizes planned" + ("" if low != high else "; too few days behind for a band")
        return Outlook(
            forecast_usd=spent_usd + to_come,
            low_usd=spent_usd + to_come * low,
            high_usd=spent_usd + to_come * high,
            basis=basis,
            saved_usd=saved,
        )
    if len(days) >= ENOUGH_DAYS:
        ahead = left / Decimal(DAY.total_seconds())
        mean = sum(days, Decimal(0)) / len(days)
        low, high = (_quantile(days, share) for share in (LOW, HIGH))
        return Outlook(
            forecast_usd=spent_usd + mean * ahead,
            low_usd=spent_usd + low * ahead,
            high_usd=spent_usd + high * ahead,
            basis=f"the past {len(days)} days",
            saved_usd=saved,
        )
    hours = left / 3600
    return Outlook(
        forecast_usd=spent_usd + hourly_usd * hours,
        low_usd=spent_usd,
        high_usd=spent_usd + max(peak, hourly_usd) * hours,
        basis="what runs now; fewer than two days behind",
        saved_usd=saved,
    )


def _days(book: Book, prices: PriceBook, since: datetime, now: datetime) -> list[Decimal]:
    """What each whole day so far has cost, from the first in which anything ran."""
    began = first_use(book)
    if began is None:
        return []
    start, days = max(since, began), []
    while start + DAY <= now:
        days.append(spent(book, prices, start, start + DAY).total_usd)
        start += DAY
    return days


def _cost(rates: Rates, now: datetime, end: datetime) -> Decimal:
    edges = [*((max(at, now), usd) for at, usd in rates if at < end), (end, Decimal(0))]
    return sum((usd * Decimal((later - at).total_seconds()) / 3600 for (at, usd), (later, _) in pairwise(edges) if later > at), Decimal(0))


def _spread(days: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """How far days strayed from their mean, as factors."""
    mean = sum(days, Decimal(0)) / len(days) if days else Decimal(0)
    if len(days) < ENOUGH_DAYS or not mean:
        return Decimal(1), Decimal(1)
    return min(Decimal(1), _quantile(days, LOW) / mean), max(Decimal(1), _quantile(days, HIGH) / mean)


def _quantile(values: Sequence[Decimal], share: float) -> Decimal:
    """Between the two nearest ranks."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * Decimal(str(place - below))
