"""Holidays: days that behave like another weekday. Which they are says the library `holidays`, and the profile with dates of its own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

import holidays


@cache
def _kept(country: str, subdivision: str | None) -> Any:
    """The library's calendar, which learns a year when it is asked for a day of it; it ships no types. In English wherever it runs, if it can."""
    return holidays.country_holidays(country, subdiv=subdivision, language="en_US")


def holiday(country: str | None, subdivision: str | None, own: Mapping[date, str], day: date) -> str | None:
    """What `day` is called if it is a holiday."""
    if day in own:
        return own[day]
    if country is None:
        return None
    name = _kept(country, subdivision).get(day)
    return None if name is None else str(name)


def known_country(value: object) -> str:
    """A country the library knows, by its ISO 3166 code. Raises ValueError."""
    known = holidays.list_supported_countries(include_aliases=True)
    if value in known:
        return str(value)
    near = str(value).upper() if str(value).upper() in known else next(iter(difflib.get_close_matches(str(value), known, n=1)), "")
    raise ValueError(
        f"is no country whose holidays are known; {f'did you mean {near}?' if near else 'write its ISO 3166 code, such as FR or US'}"
    )


def subdivisions(country: str) -> tuple[str, ...]:
    """The parts of a known country whose holidays differ."""
    return tuple(holidays.list_supported_countries(include_aliases=True).get(country, ()))
