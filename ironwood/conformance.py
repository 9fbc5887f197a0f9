"""Whether two recordings of the same steps say the same: which calls, which status, which keys of which types. Not ids, not times, not how often.

1. Two exchanges are of one call when method, host, path and status are one, names that a server made aside. 2. An exchange matches when some exchange
of the same call in the other recording has its shape: what is polled is seen in states that come and go. 3. Nothing is passed over: what has no
counterpart is a difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

Json = object
_MADE = (
    (re.compile(r"operation-[0-9]+(-[0-9a-f]+)+"), "{operation}"),
    (re.compile(r"(ironwood-cluster-[a-z]+-[0-9]{3})-[a-z0-9]{4}(?![a-z0-9-])"), r"\1-{vm}"),
    (re.compile(r"/(v1|beta)/"), "/v1/"),
)
TIMES = ("requestId", "filter", "pageToken")
"""Parts of a query that differ from run to run."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer: `body` and `response` are JSON, None where there was none; `duration` in seconds."""

    n: int
    method: str
    url: str
    body: Json
    status: int
    response: Json
    duration: float

    @property
    def call(self) -> str:
        """What was asked and how it ended, without names a server made."""
        parts = urlsplit(self.url)
        path = parts.path
        for made, stands in _MADE:
            path = made.sub(stands, path)
        keys = sorted({key for key, _ in parse_qsl(parts.query, keep_blank_values=True)} - set(TIMES))
        return f"{self.method} {parts.netloc}{path}{'?' + '&'.join(keys) if keys else ''} → {self.status}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How many exchanges of a recording have a counterpart, and what the others differ in, by call."""

    matched: int
    total: int
    differences: Mapping[str, tuple[str, ...]]


def compared(recording: Iterable[Exchange], reference: Iterable[Exchange]) -> Comparison:
    """`recording` beside `reference`."""
    known: dict[str, list[Json]] = {}
    for each in reference:
        shapes = known.setdefault(each.call, [])
        if not any(not list(differences(shape, each.response)) for shape in shapes):
            shapes.append(each.response)
    matched = total = 0
    differing: dict[str, tuple[str, ...]] = {}
    for each in recording:
        total += 1
        nearest = min((tuple(differences(each.response, shape)) for shape in known.get(each.call, [])), key=len, default=None)
        if nearest == ():
            matched += 1
        else:
            differing.setdefault(each.call, nearest or ("no such call, or none that ended so, in the other recording",))
    return Comparison(matched=matched, total=total, differences=differing)


def differences(recorded: Json, here: Json, where: str = "$") -> Iterator[str]:
    """In what the shapes of two answers differ: keys, types, empty or not."""
    numbers = isinstance(recorded, int | float) and isinstance(here, int | float)
    if type(recorded) is not type(here) and not numbers:
        yield f"{where}: {type(recorded).__name__} recorded, {type(here).__name__} here"
    elif isinstance(recorded, dict) and isinstance(here, dict):
        for key in sorted(recorded.keys() ^ here.keys()):
            yield f"{where}.{key}: only {'recorded' if key in recorded else 'here'}"
        for key in sorted(recorded.keys() & here.keys()):
            yield from differences(recorded[key], here[key], f"{where}.{key}")
    elif isinstance(recorded, list) and isinstance(here, list):
        if bool(recorded) != bool(here):
            yield f"{where}: {len(recorded)} items recorded, {len(here)} here"
        elif recorded:
            yield from differences(recorded[0], here[0], f"{where}[0]")
