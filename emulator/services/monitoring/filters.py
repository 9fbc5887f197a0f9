"""The Monitoring filter language, as far as it is understood: comparisons with ``=`` and ``!=`` joined by AND; the rest is a 400 that says so.

Fields: ``metric.type``, ``resource.type``, ``metric.label(s).KEY``, ``resource.label(s).KEY``, ``project``; values: text, ``starts_with("...")``,
``has_substring("...")``, ``one_of("a", "b")``. A filter of time series names one metric type [documented].
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.errors import ApiError
from emulator.rules import assumed, documented

Json = dict[str, Any]
documented("monitoring-filter-type", "A filter of time series or of an alert condition must name one metric.type.")
assumed(
    "monitoring-filter-subset",
    "Monitoring filters: =, != and AND over types and labels, starts_with, has_substring, one_of; others are refused with 400.",
)

_TERM = re.compile(
    r"\s*(?P<field>[A-Za-z_]+(?:\.[A-Za-z_]+)*(?:\.\"[^\"]+\")?)\s*(?P<operator>!=|=)\s*"
    r"(?:(?P<function>starts_with|has_substring|one_of)\s*\((?P<inside>[^)]*)\)|\"(?P<text>(?:[^\"\\]|\\.)*)\"|(?P<word>[\w./-]+))\s*"
)
_JOIN = re.compile(r"AND\s+|(?=[A-Za-z])")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """``metric_type`` when the filter names one; ``tests`` by field path."""

    metric_type: str | None
    tests: tuple[tuple[tuple[str, ...], Callable[[str], bool]], ...]

    def passes(self, metric: Json, resource: Json) -> bool:
        """Whether a series with this metric and resource ({type, labels}) passes."""
        holders = {"metric": metric, "resource": resource}
        for path, test in self.tests:
            if path[0] == "project":
                continue
            holder = holders[path[0]]
            found = holder["type"] if path[1] == "type" else holder.get("labels", {}).get(path[2], "")
            if not test(str(found)):
                return False
        return True


def parse(text: str) -> Filter:
    """The filter; raises ApiError 400 for what is not understood."""
    position, tests, metric_type = 0, [], None
    stripped = text.strip()
    while position < len(stripped):
        if position:
            join = _JOIN.match(stripped, position)
            if join is None:
                raise _bad(stripped[position:])
            position = join.end()
        match = _TERM.match(stripped, position)
        if match is None or match.end() == position:
            raise _bad(stripped[position:])
        path = _path(match["field"])
        tests.append((path, _test(match)))
        if path == ("metric", "type") and match["operator"] == "=" and match["function"] is None:
            metric_type = match["text"] if match["text"] is not None else match["word"]
        position = match.end()
    return Filter(metric_type=metric_type, tests=tuple(tests))


def of_series(text: str, field: str = "filter") -> Filter:
    """A filter that must name a metric type."""
    found = parse(text)
    if found.metric_type is None:
        raise ApiError(400, f'Field {field} had an invalid value of {text!r}: must specify a restriction on "metric.type".')
    return found


def _path(field: str) -> tuple[str, ...]:
    parts = tuple(part.strip('"') for part in field.split(".", 2))
    if parts == ("project",):
        return parts
    if len(parts) == 2 and parts[0] in {"metric", "resource"} and parts[1] == "type":
        return parts
    if len(parts) == 3 and parts[0] in {"metric", "resource"} and parts[1] in {"label", "labels"}:
        return parts
    raise _bad(field)


def _test(match: re.Match[str]) -> Callable[[str], bool]:
    wanted = match["text"] if match["text"] is not None else match["word"]
    inside = re.findall(r'"((?:[^"\\]|\\.)*)"', match["inside"] or "")
    tests: dict[str | None, Callable[[str], bool]] = {
        None: lambda found: found == wanted,
        "starts_with": lambda found: any(found.startswith(text) for text in inside),
        "has_substring": lambda found: any(text in found for text in inside),
        "one_of": lambda found: found in inside,
    }
    test = tests[match["function"]]
    return test if match["operator"] == "=" else lambda found: not test(found)


def _bad(what: str) -> ApiError:
    return ApiError(400, f"Field filter had an invalid value: cannot be understood at {what[:60]!r}.")
