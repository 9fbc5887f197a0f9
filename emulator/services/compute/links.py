"""References between Compute resources.

1. Inside, a reference is relative: ``projects/P/zones/Z/instanceGroups/G``. Any host, ``/compute/v1`` or ``/compute/beta`` is taken off.
2. Outside, it is ``https://www.googleapis.com/compute/<version>/...``, the version being that of the request [recorded].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]
_HEAD = re.compile(r"^(?:https?://[^/]+/)?(?:[a-z]+\.googleapis\.com/)?(?:compute/(?:v1|beta|alpha)/)?(?=projects/)")
_SHORT = re.compile(r"^(?:https?://[^/]+/compute/(?:v1|beta)/)?(global|regions|zones)/")
HOST = "https://www.googleapis.com/compute"


def relative(text: str, project: str, number: str) -> str:
    """The relative form of a reference, with the project's id even if it was given by number."""
    out = _HEAD.sub("", text, count=1)
    if _SHORT.match(out):
        out = f"projects/{project}/" + re.sub(r"^https?://[^/]+/compute/(?:v1|beta)/", "", out)
    return out.replace(f"projects/{number}/", f"projects/{project}/", 1)


def absolute(link: str, version: str) -> str:
    """The full URL of a relative reference; anything else stays as it is."""
    return f"{HOST}/{version}/{link}" if link.startswith("projects/") else link


def name_of(link: str) -> str:
    """The last part of a reference."""
    return link.rpartition("/")[2]


def part(link: str, collection: str) -> str | None:
    """The element after ``/collection/``: the zone of a link, its region."""
    match = re.search(rf"/{collection}/([^/]+)", link)
    return match[1] if match else None


def region_of_zone(zone: str) -> str:
    """``us-central1`` of ``us-central1-c``."""
    return zone.rpartition("-")[0]


def each(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every string at ``a[].b.c`` in a JSON value, with where it is: ('backends[0].group', '...')."""
    yield from _each(value, path.split("."), "")


def _each(value: Any, parts: list[str], where: str) -> Iterator[tuple[str, str]]:
    if not parts:
        if isinstance(value, str) and value:
            yield where, value
        return
    head, rest = parts[0], parts[1:]
    name = head.removesuffix("[]")
    inner = value.get(name) if isinstance(value, dict) else None
    here = f"{where}.{name}" if where else name
    if head.endswith("[]"):
        for index, item in enumerate(inner or []):
            yield from _each(item, rest, f"{here}[{index}]")
    elif inner is not None:
        yield from _each(inner, rest, here)


def mapped(value: Any, path: str, change: Callable[[str], str]) -> Any:
    """A copy of a JSON value with every string at ``path`` changed."""
    return _mapped(value, path.split("."), change)


def _mapped(value: Any, parts: list[str], change: Callable[[str], str]) -> Any:
    if not parts:
        return change(value) if isinstance(value, str) and value else value
    head, rest = parts[0], parts[1:]
    name = head.removesuffix("[]")
    if not isinstance(value, dict) or value.get(name) is None:
        return value
    inner = value[name]
    if head.endswith("[]"):
        return {**value, name: [_mapped(item, rest, change) for item in inner]}
    return {**value, name: _mapped(inner, rest, change)}
