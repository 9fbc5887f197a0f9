"""Rules between the keys of a profile's windows, holidays and overrides, each a function that yields findings."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from ironwood.finding import Finding
from ironwood.profile_regions import key_of
from ironwood.windows.calendar import subdivisions
from ironwood.windows.wall import DAY_MINUTES

if TYPE_CHECKING:
    from ironwood.profile import Profile
    from ironwood.profile_windows import OwnWindow

Path = tuple[str | int, ...]
_BY_CLOCK, _BY_CRON = ("from", "until"), ("cron", "hours")


def a_subdivision_is_of_its_country(profile: Profile) -> Iterator[Finding]:
    """A subdivision is one the library knows of the country."""
    part, country = profile.holidays.subdivision, profile.holidays.country
    if part is None:
        return
    if country is None:
        yield Finding(path=("holidays", "subdivision"), text=f"'{part}' is a part of no country; add `country: …`")
    elif part not in (known := subdivisions(country)):
        near = difflib.get_close_matches(part, known, n=1)
        meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(known) or 'none'}"
        yield Finding(path=("holidays", "subdivision"), text=f"'{part}' is no part of {country} with holidays of its own; {meant}")


def names_are_used_once(profile: Profile) -> Iterator[Finding]:
    """Windows and overrides are told apart by their names."""
    for key, names in (("windows", [each.name for each in profile.windows]), ("overrides", [each.name for each in profile.overrides])):
        for number, name in enumerate(names):
            if name in names[:number]:
                yield Finding(path=(key, number, "name"), text=f"'{name}' is used before already; give each its own name")


def a_window_says_when(profile: Profile) -> Iterator[Finding]:
    """By the clock, or by cron; all of one and nothing of the other."""
    for number, window in enumerate(profile.windows):
        path = ("windows", number)
        given = {"from": window.begin, "until": window.until, "cron": window.cron, "hours": window.hours}
        by = _BY_CRON if window.cron is not None or window.hours is not None else _BY_CLOCK
        other = _BY_CLOCK if by is _BY_CRON else _BY_CRON
        for key in other:
            if given[key] is not None:
                yield Finding(path=(*path, key), text=f"does not go with {' and '.join(by)}; keep one of the two ways to say when")
        for key in by:
            if given[key] is None:
                yield Finding(path=(*path, key), text=f"is required: a window has {' and '.join(by)}; add `{key}: …`")
        if window.begin == DAY_MINUTES:
            yield Finding(path=(*path, "from"), text="is the end of a day; write '00:00' and the day after")
        if by is _BY_CRON:
            yield from _cron(path, window)


def _cron(path: Path, window: OwnWindow) -> Iterator[Finding]:
    if "days" in window.model_fields_set:
        yield Finding(path=(*path, "days"), text="does not go with cron, which names days itself; remove one of the two")
    if window.cron is None:
        return
    try:
        next(CronSim(window.cron, datetime(2026, 1, 1, tzinfo=ZoneInfo("Etc/UTC"))))
    except (CronSimError, StopIteration):
        yield Finding(
            path=(*path, "cron"),
            text=f"'{window.cron}' is no cron time: minute, hour, day of month, month, day of week; 0 8 * * 1-5 is every working day at eight",
        )


def an_override_comes_and_goes(profile: Profile) -> Iterator[Finding]:
    """It ends after it begins, and has some effect before it expires."""
    for number, override in enumerate(profile.overrides):
        zone = ZoneInfo(override.time_zone or profile.time_zone)
        begin = override.begin.begin(zone)
        if override.until.end(zone) <= begin:
            yield Finding(path=("overrides", number, "until"), text="is not after `from`; write a later date or time")
        if override.expires.end(zone) <= begin:
            yield Finding(
                path=("overrides", number, "expires"),
                text="is not after `from`, so the override would never have an effect; write a later one, or remove the override",
            )


def sizes_can_be_had(profile: Profile) -> Iterator[Finding]:
    """Every size is of an enabled tier, within its max_replicas, and said once."""
    for number, window in enumerate(profile.windows):
        yield from _sizes(profile, ("windows", number), {"sizes": window.sizes, "at_least": window.at_least})
    for number, override in enumerate(profile.overrides):
        yield from _sizes(profile, ("overrides", number), {"sizes": override.sizes, "at_least": override.at_least, "add": override.add})


def _sizes(profile: Profile, path: Path, said: Mapping[str, Mapping[str, int]]) -> Iterator[Finding]:
    if not any(said.values()):
        yield Finding(path=(*path, "sizes"), text=f"is required: say {', '.join(said)} or several, such as `sizes: {{small: 1}}`")
    seen: dict[str, str] = {}
    for how, sizes in said.items():
        for tier, pods in sizes.items():
            yield from _size(profile, (*path, how, tier), tier, pods)
            if tier in seen:
                yield Finding(path=(*path, how, tier), text=f"'{tier}' stands in `{seen[tier]}` already; keep one of the two")
            seen[tier] = how


def _size(profile: Profile, path: Path, tier: str, pods: int) -> Iterator[Finding]:
    enabled = profile.enabled_tiers
    if tier not in enabled:
        near = difflib.get_close_matches(tier, enabled, n=1)
        meant = f"did you mean '{near[0]}'?" if near else f"enabled are {', '.join(enabled)}"
        yield Finding(path=path, text=f"'{tier}' is not an enabled tier; {meant}")
    elif pods > enabled[tier].max_replicas:
        yield Finding(
            path=path,
            text=f"{pods} is more than max_replicas {enabled[tier].max_replicas} of tier {tier}; lower it or raise {key_of(tier)}.max_replicas",
        )


WINDOW_RULES: tuple[Callable[[Profile], Iterator[Finding]], ...] = (
    a_subdivision_is_of_its_country,
    names_are_used_once,
    a_window_says_when,
    an_override_comes_and_goes,
    sizes_can_be_had,
)
