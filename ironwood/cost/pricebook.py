"""A price book: prices in US dollars, each with its source and the day it was read.

`list` holds Google's list prices, `seed` the daily rates the seed README promised; a negotiated one is the user's own file
of the same form. An estimate always says which book it used.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ironwood.errors import ProfileError
from ironwood.profile_text import ProfileText

HOURS_A_DAY = Decimal(24)
HOURS_A_MONTH = Decimal(730)
"""Google's month for prices quoted by the month (documented)."""

_Usd = Annotated[Decimal, BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value), Field(ge=0)]


class Price(BaseModel):
    """One price: US dollars, where it was read and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: _Usd
    source: Annotated[str, Field(min_length=1)]
    date: datetime.date
    region: str | None = None
    confirmed: bool = True


class PriceBook(BaseModel):
    """Prices by what they are charged for; what a book does not price costs nothing in it.

    `chip_hour_in`: chip prices of regions where they differ from `chip_hour`, by region.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    currency: str = Field(default="USD", pattern="^USD$")
    chip_hour: Mapping[str, Mapping[str, Price]] = Field(default_factory=dict)
    chip_hour_in: Mapping[str, Mapping[str, Mapping[str, Price]]] = Field(default_factory=dict)
    pod_day: Mapping[str, Price] = Field(default_factory=dict)
    boot_disk_gib_month: Mapping[str, Price] = Field(default_factory=dict)
    forwarding_rules_hour: Price | None = None
    nat_vm_hour: Price | None = None
    nat_hour_most: Price | None = None
    forwarding_rule_more_hour: Price | None = None
    address_unused_hour: Price | None = None
    storage_gib_month: Price | None = None
    scheduler_job_month: Price | None = None
    alert_condition_month: Price | None = None
    security_policy_month: Price | None = None
    security_rule_month: Price | None = None
    vm_hour: Mapping[str, Price] = Field(default_factory=dict)
    vm_disk_gib_month: Price | None = None
    redis_gib_hour: Mapping[str, Mapping[str, Price]] = Field(default_factory=dict)

    @property
    def as_of(self) -> datetime.date | None:
        """The oldest date of a chip price."""
        dates = [price.date for family in self.chip_hour.values() for price in family.values()] + [
            price.date for price in self.pod_day.values()
        ]
        return min(dates, default=None)

    def chip_hour_usd(self, *, family: str, consumption: str, pod_chips: int, region: str) -> Decimal:
        """US dollars a chip-hour in `region`, for a chip in a pod of `pod_chips`.

        Raises ProfileError where the book has no price for it.
        """
        if self.pod_day:
            return self._pod_rate(pod_chips)
        prices = {**self.chip_hour.get(family, {}), **self.chip_hour_in.get(region, {}).get(family, {})}
        if consumption not in prices:
            known = ", ".join(sorted(prices)) or "none"
            raise ProfileError(
                f"price book '{self.name}' has no {consumption} price for {family}; it has {known}. Add chip_hour.{family}.{consumption}"
            )
        return prices[consumption].usd

    def redis_hour_usd(self, *, tier: str, gib: int) -> Decimal:
        """US dollars an hour of a Memorystore instance: its GiB at the rate of its capacity tier; 0 where the book has no prices of it.

        Capacity tiers are named by the most GiB they hold.
        """
        rates = self.redis_gib_hour.get(tier, {})
        most = min((size for size in map(int, rates) if gib <= size), default=None)
        return Decimal(0) if most is None else gib * rates[str(most)].usd

    def _pod_rate(self, pod_chips: int) -> Decimal:
        """The rate of the largest priced pod that is no larger, else of the smallest."""
        sizes = sorted(int(size) for size in self.pod_day)
        size = max((size for size in sizes if size <= pod_chips), default=sizes[0])
        return self.pod_day[str(size)].usd / HOURS_A_DAY / size


def parse_price_book(text: str, *, source: str) -> PriceBook:
    """The price book in `text`; raises ProfileError with file, line and key of each mistake."""
    document = ProfileText.parse(text, source=source)
    try:
        return PriceBook.model_validate(document.resolved({}))
    except ValidationError as error:
        raise ProfileError(document.explain(error, PriceBook)) from error
