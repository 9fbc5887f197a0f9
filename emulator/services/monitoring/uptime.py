"""Uptime checks: as resources, and as what they do: ask, each period, and write what came of it.

1. A check really asks: through the forwarding rule at its host and port, as a request from outside would; nothing leaves this machine.
2. Secrets and masked headers are shown as asterisks [recorded].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call, Handler
from emulator.errors import ApiError
from emulator.rules import assumed, documented, recorded
from emulator.services.monitoring.aggregate import duration
from emulator.services.scoping import listed, masked, named, own
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "uptime_checks"
PERIODS = ("60s", "300s", "600s", "900s")
HIDDEN = "******"
recorded(
    "uptime-shown", "A check shows checkerType STATIC_IP_CHECKERS; passwords and masked headers are asterisks; false values are left out."
)
recorded("uptime-missing", "A missing check is a 404 'Config not found for check C in project P'.")
documented("uptime-periods", "A check's period is 60, 300, 600 or 900 seconds, its timeout 1 to 60 seconds.")
assumed("uptime-checkers", "Every check asks once a period for three checker locations alike, at whole periods since it was made.")
assumed(
    "uptime-reach",
    "A check reaches only forwarding rules of this project, by their address or a name that leads there; any other host fails.",
)
assumed("uptime-id", "A check's id is its display name in small letters with a random suffix.")
KEYS = (
    "displayName",
    "monitoredResource",
    "httpCheck",
    "tcpCheck",
    "period",
    "timeout",
    "contentMatchers",
    "selectedRegions",
    "userLabels",
    "checkerType",
)


def _existing(call: Call, name: str) -> Json:
    row = call.world.store.get(TAB, name)
    if row is None:
        raise ApiError(404, f"Config not found for check {name.rpartition('/')[2]} in project {call.world.project}")
    return row


def _checked(given: Json) -> Json:
    if not given.get("displayName"):
        raise ApiError(400, "Field uptime_check_config.display_name must be set.")
    if bool(given.get("httpCheck") is not None) == bool(given.get("tcpCheck") is not None):
        raise ApiError(400, "An uptime check has either an http_check or a tcp_check.")
    target = given.get("monitoredResource") or {}
    if target.get("type") != "uptime_url" or not target.get("labels", {}).get("host"):
        raise ApiError(501, "Only uptime checks of a monitored resource uptime_url with a host are emulated.")
    period = given.get("period", "60s")
    if period not in PERIODS:
        raise ApiError(400, f"Field uptime_check_config.period had an invalid value of {period!r}: one of {', '.join(PERIODS)}.")
    timeout = given.get("timeout", "10s")
    if not SECOND <= duration(timeout, "uptime_check_config.timeout") <= 60 * SECOND:
        raise ApiError(400, f"Field uptime_check_config.timeout had an invalid value of {timeout!r}: must be 1 to 60 seconds.")
    out = {key: given[key] for key in KEYS if given.get(key) not in (None, "", [], {})}
    return {**out, "period": period, "timeout": timeout, "checkerType": given.get("checkerType", "STATIC_IP_CHECKERS")}


def shown(row: Json) -> Json:
    """As Google prints it."""
    out = {key: value for key, value in row.items() if key != "due"}
    check = dict(out.get("httpCheck") or {})
    if check:
        if check.get("body"):
            check["headers"] = {"Content-Length": "0", **check.get("headers", {})}
        if check.get("authInfo", {}).get("password"):
            check["authInfo"] = {**check["authInfo"], "password": HIDDEN}
        if check.get("maskHeaders"):
            check["headers"] = dict.fromkeys(check.get("headers", {}), HIDDEN)
        out["httpCheck"] = {key: value for key, value in check.items() if value not in (False, "", {})}
    return out


def create(call: Call) -> Json:
    """Make a check; it first asks one period from now."""
    world, given = call.world, call.values.get("uptimeCheckConfig") or {}
    content = _checked(given)
    short = "".join(char if char.isalnum() else "-" for char in content["displayName"].lower())
    name = f"{own(world, call.text('parent'))}/uptimeCheckConfigs/{short}-{world.identity.letters(10)}"
    row = {"name": name, **content, "due": call.now + duration(content["period"], "period")}
    world.store.put(TAB, name, row)
    world.changed()
    return shown(row)


def get(call: Call) -> Json:
    """Read a check."""
    return shown(_existing(call, named(call, "name")))


def list_(call: Call) -> Json:
    """All checks."""
    own(call.world, call.text("parent"))
    return listed(call, "uptimeCheckConfigs", [shown(row) for _, row in call.world.store.items(TAB)])


def patch(call: Call) -> Json:
    """Change what the mask names; without one the check is replaced. The monitored resource cannot be changed."""
    given = call.values.get("uptimeCheckConfig") or {}
    name = named(call, "name") if call.values.get("name") else own(call.world, str(given.get("name", "")))
    old = _existing(call, name)
    mask = call.values.get("updateMask")
    new = masked(old, given, mask) if mask else {"monitoredResource": old["monitoredResource"], **given}
    if new.get("monitoredResource") != old["monitoredResource"]:
        raise ApiError(400, "Field uptime_check_config.monitored_resource cannot be changed.")
    row = {"name": name, **_checked(new), "due": old["due"]}
    call.world.store.put(TAB, name, row)
    return shown(row)


def delete(call: Call) -> Json:
    """Remove a check."""
    name = named(call, "name")
    _existing(call, name)
    call.world.store.delete(TAB, name)
    return {}


def next_due(world: World) -> int | None:
    """When the next check asks."""
    return min((row["due"] for _, row in world.store.items(TAB)), default=None) if world.store.count(TAB) else None


HANDLERS: dict[str, Handler] = {"create": create, "get": get, "list": list_, "patch": patch, "delete": delete}
