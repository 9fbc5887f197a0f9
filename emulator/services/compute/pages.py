"""Lists: filter, order, pages, aggregated lists.

1. ``filter`` knows ``FIELD = VALUE``, ``!=``, ``eq``/``ne`` with a full-match regular expression, ``:`` (has), joined by AND, with brackets
round a term; anything else is a 400 rather than ignored.
2. ``maxResults`` is 1 to 500, 500 if not given; a page token is the position to go on from.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from typing import Any

from emulator.errors import ApiError, invalid
from emulator.rules import assumed

Json = dict[str, Any]
_TERM = re.compile(r'^\(?\s*([\w.\-]+)\s*(!=|=|:|\beq\b|\bne\b)\s*("(?:[^"\\]|\\.)*"|[^\s()]+)\s*\)?$')
assumed("list-filter", "List filters support =, !=, :, eq and ne with AND; others are refused with 400.")


def page(values: Json, items: list[Json], size_name: str = "max_results") -> tuple[list[Json], str | None]:
    """The asked-for page of the items that pass the filter, and the token of the next."""
    kept = filtered(items, values.get("filter"))
    try:
        size = int(values.get(size_name) or 500)
        start = int(base64.urlsafe_b64decode(values["page_token"])) if values.get("page_token") else 0
    except ValueError:
        raise invalid(
            "pageToken" if values.get("page_token") else "maxResults", values.get("page_token") or values.get(size_name)
        ) from None
    if not 0 < size <= 500:
        raise invalid("maxResults", size, "Must be between 1 and 500.")
    following = start + size
    token = base64.urlsafe_b64encode(str(following).encode()).decode() if following < len(kept) else None
    return kept[start:following], token


def filtered(items: list[Json], text: str | None) -> list[Json]:
    """Those items that pass."""
    if not text:
        return items
    tests = [_test(term.strip()) for term in re.split(r"\s+AND\s+|(?<=\))\s*(?=\()", text.strip())]
    return [item for item in items if all(test(item) for test in tests)]


def _test(term: str) -> Callable[[Json], bool]:
    match = _TERM.match(term)
    if match is None:
        raise ApiError(400, f"Invalid value for field 'filter': '{term}'. Invalid list filter expression.", reason="invalid")
    path, operator, value = match[1].split("."), match[2], match[3].strip('"').replace('\\"', '"')

    def has(item: Json) -> bool:
        found: Any = item
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if operator == ":":
            return found is not None and (value == "*" or value.lower() in str(found).lower())
        shown = str(found).lower() if isinstance(found, bool) else str(found if found is not None else "")
        if operator in {"eq", "ne"}:
            equal = re.fullmatch(value, shown) is not None
            return equal if operator == "eq" else not equal
        return (shown == value) == (operator == "=")

    return has


def aggregated(groups: Iterable[tuple[str, list[Json]]], name: str, values: Json) -> Json:
    """``items`` of an aggregated list: by ``zones/Z``, ``regions/R`` or ``global``; an empty scope carries a warning."""
    out: Json = {}
    for scope, items in groups:
        kept = filtered(items, values.get("filter"))
        out[scope] = {name: kept} if kept else {"warning": _empty(scope)}
    return out


def _empty(scope: str) -> Json:
    return {
        "code": "NO_RESULTS_ON_PAGE",
        "message": f"No results for the scope '{scope}'.",
        "data": [{"key": "scope", "value": scope}],
    }
