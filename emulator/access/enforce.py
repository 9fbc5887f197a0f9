"""Refuse who may not, in each API's own words; note what was needed.

1. Compute says ``Required 'P' permission for 'R'``, one error a permission, reason forbidden. 2. Newer APIs say PERMISSION_DENIED with an
ErrorInfo of reason IAM_PERMISSION_DENIED naming permission and resource.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emulator.access import callers, needs, roles
from emulator.call import Call
from emulator.errors import ApiError
from emulator.requests_log import Entry
from emulator.rules import assumed, documented
from emulator.services.compute import links

if TYPE_CHECKING:
    from emulator.world import World

documented("compute-forbidden", "Without permission Compute answers 403 forbidden, \"Required 'PERMISSION' permission for 'RESOURCE'\".")
documented("iam-permission-denied", "Without permission newer APIs answer 403 PERMISSION_DENIED with ErrorInfo IAM_PERMISSION_DENIED.")
assumed(
    "permission-table",
    "What each method needs is in emulator/permissions/; permissions are looked up in the project's policy, and in a secret's own.",
)
COMPUTE = "compute.googleapis.com"
_SECRET = re.compile(r"projects/[^/]+/(secrets/[^/:]+)")
_HEAD = re.compile(r"^/compute/(?:v1|beta)/")


def require(world: World, api: str, call: Call, entry: Entry) -> None:
    """Raise 401 or 403 unless the caller may; the log entry keeps what was needed."""
    callers.check(world, call.caller)
    needed = list(dict.fromkeys(needs.of(call.method, {**call.values, **call.body})))
    entry.permissions += [permission for permission in needed if permission not in entry.permissions]
    if call.caller == callers.OWNER:
        return
    if call.method not in needs.table():
        raise denied(world, api, call, [f"{call.method} (not in emulator/permissions)"], entry.path)
    place = _place(world, call)
    missing = [each for each in needed if not roles.may(world, call.caller, each, place) or world.faults.denies(call.caller, each)]
    if missing:
        raise denied(world, api, call, missing, entry.path)


def _place(world: World, call: Call) -> str:
    """The resource below the project that has a policy of its own and is called, "" for none: a secret."""
    if not call.method.startswith("secretmanager."):
        return ""
    name = (
        call.values.get("name") or call.values.get("resource") or call.values.get("parent") or (call.values.get("secret") or {}).get("name")
    )
    match = _SECRET.match(str(name))
    return f"projects/{world.project}/{match[1]}" if match else ""


def require_on(call: Call, api: str, permission: str, resource: str) -> None:
    """The same for a permission on a resource other than the one called: ``iam.serviceAccounts.actAs`` on an account."""
    if call.entry is not None and permission not in call.entry.permissions:
        call.entry.permissions.append(permission)
    if roles.may(call.world, call.caller, permission, resource):
        return
    if api == COMPUTE:
        raise _compute([(permission, resource.removeprefix(f"projects/{call.world.project}/serviceAccounts/"))])
    raise _newer(api, permission, resource)


def denied(world: World, api: str, call: Call, missing: list[str], path: str) -> ApiError:
    """The 403 of a call."""
    if api == COMPUTE:
        return _compute([(permission, _compute_resource(world, call, permission, path)) for permission in missing])
    name = str(next((call.values[key] for key in ("name", "resource", "parent") if call.values.get(key)), f"projects/{world.project}"))
    return _newer(api, missing[0], name)


def _compute(missing: list[tuple[str, str]]) -> ApiError:
    texts = [f"Required '{permission}' permission for '{resource}'" for permission, resource in missing]
    return ApiError(403, texts[0], reason="forbidden", more=texts[1:])


def _newer(api: str, permission: str, resource: str) -> ApiError:
    if api == "bigquery.googleapis.com":
        what = f"Project {resource.removeprefix('projects/')}"
        return ApiError(403, f"Access Denied: {what}: User does not have {permission} permission in project.", reason="accessDenied")
    words = {
        "cloudresourcemanager.googleapis.com": "The caller does not have permission",
        "iam.googleapis.com": f"Permission '{permission}' denied on resource (or it may not exist).",
    }
    message = words.get(api, f"Permission '{permission}' denied on resource '//{api}/{resource}' (or it may not exist).")
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "IAM_PERMISSION_DENIED",
        "domain": "iam.googleapis.com" if api == "iam.googleapis.com" else api,
        "metadata": {"permission": permission, "resource": resource},
    }
    return ApiError(403, message, reason="forbidden", details=[info])


def _compute_resource(world: World, call: Call, permission: str, path: str) -> str:
    """What a missing permission is missing on: the resource called, one it names, else the project."""
    service, collection = call.method.split(".")[1], permission.split(".")[1]
    project = f"projects/{world.project}"
    if service != collection:
        text = re.search(rf"'((?:https?://)?[^']*/{collection.removeprefix('global').lower()}/[^']+)'", str(call.body), re.IGNORECASE)
        return links.relative(text[1], world.project, world.settings.project_number) if text else project
    verb = call.method.split(".")[2]
    link = _HEAD.sub("", path.partition("?")[0])
    if verb in {"list", "aggregatedList"}:
        return project
    if verb == "insert":
        return f"{link}/{call.body.get('name', '')}"
    return link.removesuffix(f"/{verb}")
