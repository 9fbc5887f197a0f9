"""Dashboards: kept as given, with what Google fills in.

1. Names are given or made; answers name the project by its number [recorded]. 2. A chart's data sets are drawn against the left axis unless they
say otherwise, a text has a style [recorded]. 3. A filter is not looked at: a dashboard may name metrics that do not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Call, Handler
from emulator.errors import ApiError
from emulator.identity import fingerprint
from emulator.rules import assumed, recorded
from emulator.services.scoping import listed, named, own

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "dashboards"
LAYOUTS = ("gridLayout", "mosaicLayout", "rowLayout", "columnLayout")
recorded(
    "dashboard-names", "A dashboard's name in answers has the project's number; a missing one is 404 'Requested entity was not found.'"
)
recorded("dashboard-defaults", "A data set without targetAxis gets Y1, a text without style an empty one.")
assumed("dashboard-metrics", "A dashboard that names unknown metrics is taken.")
assumed("dashboard-etag", "A patch with an etag that is not the dashboard's is a 409 ABORTED; without one it replaces.")


def _short(call: Call) -> str:
    return named(call, "name", "dashboard").rpartition("/")[2]


def _existing(call: Call, short: str) -> Json:
    row = call.world.store.get(TAB, short)
    if row is None:
        raise ApiError(404, "Requested entity was not found.")
    return row


def _checked(given: Json) -> Json:
    if not given.get("displayName"):
        raise ApiError(400, "Field displayName must be set.")
    layouts = [layout for layout in LAYOUTS if layout in given]
    if len(layouts) != 1:
        raise ApiError(400, f"A dashboard has exactly one of {', '.join(LAYOUTS)}.")
    return {key: _filled(value) for key, value in given.items() if key not in {"name", "etag"}}


def _filled(value: Any, key: str = "") -> Any:
    if isinstance(value, list):
        return [_filled(item, key) for item in value]
    if not isinstance(value, dict):
        return value
    out = {name: _filled(item, name) for name, item in value.items()}
    if key == "dataSets":
        out.setdefault("targetAxis", "Y1")
    if key == "text":
        out.setdefault("style", {})
    return out


def shown(world: World, short: str, row: Json) -> Json:
    """The dashboard as clients see it."""
    return {"name": f"projects/{world.settings.project_number}/dashboards/{short}", "etag": fingerprint(row), **row}


def every(world: World) -> Iterator[tuple[str, Json]]:
    """Every dashboard by its short name."""
    return world.store.items(TAB)


def create(call: Call) -> Json:
    """Make a dashboard."""
    own(call.world, call.text("parent"))
    given = call.values.get("dashboard") or {}
    short = str(given.get("name", "")).rpartition("/")[2] or call.world.identity.uuid()
    if call.world.store.get(TAB, short):
        raise ApiError(409, f"Dashboard {short} already exists.")
    row = _checked(given)
    if not call.values.get("validateOnly"):
        call.world.store.put(TAB, short, row)
    return shown(call.world, short, row)


def get(call: Call) -> Json:
    """Read a dashboard."""
    return shown(call.world, _short(call), _existing(call, _short(call)))


def list_(call: Call) -> Json:
    """All dashboards."""
    own(call.world, call.text("parent"))
    return listed(call, "dashboards", [shown(call.world, short, row) for short, row in every(call.world)])


def patch(call: Call) -> Json:
    """Replace a dashboard."""
    short, given = _short(call), call.values.get("dashboard") or {}
    old = _existing(call, short)
    if given.get("etag") and given["etag"] != fingerprint(old):
        raise ApiError(409, "The dashboard was changed since it was read.", status_name="ABORTED")
    row = _checked(given)
    if not call.values.get("validateOnly"):
        call.world.store.put(TAB, short, row)
    return shown(call.world, short, row)


def delete(call: Call) -> Json:
    """Remove a dashboard."""
    _existing(call, _short(call))
    call.world.store.delete(TAB, _short(call))
    return {}


HANDLERS: dict[str, Handler] = {"create": create, "get": get, "list": list_, "patch": patch, "delete": delete}
