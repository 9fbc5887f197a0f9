"""Names below a project, and field masks: what the newer APIs share.

1. A project is named by its id or its number; another project's things are a 403. 2. A mask names fields in snake or camel case, with dots
for what is inside; a field the change does not have is cleared.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.services.compute.pages import page

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]


def own(world: World, name: str) -> str:
    """``projects/ID/...`` of a name below our project; raises 403 for another project's, 400 for no such name."""
    match = re.fullmatch(r"projects/([^/]+)(/.*)?", name)
    if match is None:
        raise ApiError(400, f"Invalid resource name {name!r}: expected projects/PROJECT/...")
    if match[1] not in {world.project, world.settings.project_number}:
        raise ApiError(403, f"Permission denied on resource project {match[1]} (or it may not exist).")
    return f"projects/{world.project}{match[2] or ''}"


def named(call: Call, variable: str, body: str | None = None) -> str:
    """The name a call is about: its path variable, or over gRPC the name inside its body."""
    given = call.values.get(variable) or (call.values.get(body) or {}).get("name", "") if body else call.values.get(variable, "")
    return own(call.world, str(given))


def paths(mask: str | None) -> list[list[str]]:
    """The fields a mask names, in camel case, split at the dots."""
    fields = [field.strip() for field in (mask or "").split(",") if field.strip()]
    return [[re.sub(r"_(\w)", lambda match: match[1].upper(), part) for part in field.split(".")] for field in fields]


def masked(old: Json, new: Json, mask: str | None) -> Json:
    """``old`` with the fields of the mask as in ``new``."""
    out = old
    for path in paths(mask):
        out = _with(out, new, path)
    return out


def _with(old: Json, new: Json, path: list[str]) -> Json:
    head, *rest = path
    out = dict(old)
    if rest and isinstance(old.get(head, {}), dict) and isinstance(new.get(head, {}), dict):
        out[head] = _with(old.get(head, {}), new.get(head, {}), rest)
    elif head in new:
        out[head] = new[head]
    else:
        out.pop(head, None)
    return out


def listed(call: Call, key: str, items: list[Json], size: int = 500) -> Json:
    """A page of a list, as the newer APIs answer it."""
    wanted = int(call.values.get("pageSize") or 0)
    values = {"max_results": min(wanted, size) if wanted > 0 else size, "page_token": call.values.get("pageToken")}
    chosen, token = page(values, items)
    return {**({key: chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}
