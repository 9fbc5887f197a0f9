"""The keys of a profile that say sizes by the clock: `time_zone`, `holidays`, `windows`, `overrides`.

What several of them together can break is in `ironwood/profile_window_rules.py`; what they mean is in `ironwood/windows/`.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, InstanceOf

from ironwood import patterns
from ironwood.profile_section import Section
from ironwood.windows import wall
from ironwood.windows.calendar import known_country

Zone = Annotated[str, BeforeValidator(wall.zone_name)]
Minute = Annotated[int, BeforeValidator(wall.minute_of_day)]
Days = Annotated[tuple[int, ...], BeforeValidator(wall.days_of)]
Moment = Annotated[InstanceOf[wall.LocalMoment], BeforeValidator(wall.moment_of)]
Name = Annotated[str, Field(pattern=patterns.WINDOW_NAME)]
Pods = Mapping[str, Annotated[int, Field(ge=0)]]
More = Mapping[str, Annotated[int, Field(ge=1)]]
_SUNDAY = 6


class HolidaySettings(Section):
    """Which days are holidays, and the weekday they behave like: those of a country, or of a part of it, and `dates` of one's own."""

    country: Annotated[str, BeforeValidator(known_country)] | None = None
    subdivision: str | None = None
    dates: Annotated[tuple[Annotated[datetime.date, BeforeValidator(wall.date_of)], ...], Field(strict=False)] = ()
    like: Annotated[int, BeforeValidator(wall.day_of)] = _SUNDAY


class OwnWindow(Section):
    """Sizes that hold on `days` from one wall time until another, on the next day where that is not later; or for `hours` from each time of `cron`.

    `sizes` hold exactly, `at_least` raises what holds without the window; a tier that is not named is left alone.
    """

    name: Name
    days: Days = tuple(range(7))
    begin: Minute | None = Field(default=None, alias="from")
    until: Minute | None = None
    cron: Annotated[str, Field(min_length=1)] | None = None
    hours: Annotated[float, Field(gt=0, le=168, strict=False)] | None = None
    time_zone: Zone | None = None
    sizes: Pods = Field(default_factory=dict)
    at_least: Pods = Field(default_factory=dict)


class Override(Section):
    """Sizes for once, above every window: `sizes` exactly, `at_least`, or pods to `add`. Whose they are, why, and after when they have no effect."""

    name: Name
    begin: Moment = Field(alias="from")
    until: Moment
    expires: Moment
    owner: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]
    time_zone: Zone | None = None
    sizes: Pods = Field(default_factory=dict)
    at_least: Pods = Field(default_factory=dict)
    add: More = Field(default_factory=dict)
