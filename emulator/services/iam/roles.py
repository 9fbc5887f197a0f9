"""Custom roles of the project, and the predefined ones to read.

1. A deleted role is kept for 7 days, shown with ``deleted``, grants nothing, and can be undeleted; its id cannot be taken meanwhile.
2. A change or delete with a stale etag is a 409 ABORTED.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.access.policies import CONFLICT
from emulator.access.roles import CUSTOM, known, predefined
from emulator.call import Call
from emulator.errors import ApiError
from emulator.identity import fingerprint, same_etag
from emulator.rules import assumed
from emulator.services.compute.pages import page
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
KEPT = 7 * 86_400 * SECOND
FIELDS = ("title", "description", "includedPermissions", "stage")
assumed("role-permissions-known", "A custom role with a permission nothing here needs is a 400 'Permission ... is not valid.'")


def _view(row: Json) -> Json:
    role = {key: value for key, value in row["role"].items() if value}
    return {**role, "etag": fingerprint([role, row["deleted"]]), **({"deleted": True} if row["deleted"] is not None else {})}


def _predefined(name: str, *, full: bool) -> Json:
    row = predefined()[name]
    out = {"name": name, "title": row["title"], "stage": "GA", "etag": fingerprint(row)}
    return {**out, "includedPermissions": row["permissions"]} if full else out


def _row(call: Call) -> tuple[str, Json]:
    """The custom role a call names; raises 404."""
    name = call.text("name")
    row = call.world.store.get(CUSTOM, name)
    if row is None or (row["deleted"] is not None and call.now >= row["deleted"] + KEPT):
        raise ApiError(404, f"The role named {name} was not found.", reason="notFound")
    return name, row


def _unchanged(row: Json, etag: str | None) -> None:
    if etag and not same_etag(etag, _view(row)["etag"]):
        raise ApiError(409, CONFLICT, reason="aborted", status_name="ABORTED")


def _checked(role: Json) -> Json:
    for permission in role.get("includedPermissions", []):
        if permission not in known():
            raise ApiError(400, f"Permission {permission} is not valid.", reason="badRequest")
    return {key: role[key] for key in FIELDS if role.get(key)}


def create(call: Call) -> Json:
    """Make a role."""
    role_id = str(call.values.get("roleId", ""))
    if not re.fullmatch(r"[a-zA-Z0-9_.]{3,64}", role_id):
        raise ApiError(400, f"The role_id {role_id!r} must be 3 to 64 of letters, digits, _ and .", reason="badRequest")
    name = f"{call.text('parent')}/roles/{role_id}"
    row = call.world.store.get(CUSTOM, name)
    if row and row["deleted"] is None:
        raise ApiError(409, f"A role named {role_id} in {call.text('parent')} already exists.", reason="alreadyExists")
    if row and call.now < row["deleted"] + KEPT:
        message = f"You can't create a role with role_id ({role_id}) where there is an existing role with that role_id in a deleted state."
        raise ApiError(400, message, reason="failedPrecondition", status_name="FAILED_PRECONDITION")
    new = {"role": {"name": name, **_checked(call.values.get("role") or {})}, "deleted": None}
    call.world.store.put(CUSTOM, name, new)
    return _view(new)


def get(call: Call) -> Json:
    """Read one, predefined or ours."""
    name = call.text("name")
    if name in predefined():
        return _predefined(name, full=True)
    return _view(_row(call)[1])


def list_(call: Call) -> Json:
    """Ours below a parent, else the predefined ones."""
    full = call.values.get("view") == "FULL"
    if not call.values.get("parent"):
        rows = [_predefined(name, full=full) for name in sorted(predefined())]
    else:
        deleted_too = str(call.values.get("showDeleted", "")).lower() == "true"
        kept = [row for _, row in call.world.store.items(CUSTOM) if row["deleted"] is None or call.now < row["deleted"] + KEPT]
        rows = [_view(row) for row in kept if deleted_too or row["deleted"] is None]
        rows = rows if full else [{key: value for key, value in row.items() if key != "includedPermissions"} for row in rows]
    chosen, token = page({"max_results": int(call.values.get("pageSize") or 300), "page_token": call.values.get("pageToken")}, rows)
    return {**({"roles": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def patch(call: Call) -> Json:
    """Change what the update mask names, or everything given."""
    name, row = _row(call)
    given = call.values.get("role") or {}
    _unchanged(row, given.get("etag"))
    mask = [re.sub(r"_(\w)", lambda match: match[1].upper(), each) for each in str(call.values.get("updateMask", "")).split(",") if each]
    fields = mask or [field for field in FIELDS if field in given]
    changed = _checked({**row["role"], **{field: given.get(field) for field in fields}})
    new = {**row, "role": {"name": name, **changed}}
    call.world.store.put(CUSTOM, name, new)
    return _view(new)


def delete(call: Call) -> Json:
    """Delete it, softly."""
    name, row = _row(call)
    _unchanged(row, call.values.get("etag"))
    if row["deleted"] is not None:
        raise ApiError(400, f"The role named {name} is already deleted.", reason="failedPrecondition", status_name="FAILED_PRECONDITION")
    new = {**row, "deleted": call.now}
    call.world.store.put(CUSTOM, name, new)
    return _view(new)


def undelete(call: Call) -> Json:
    """Bring it back within 7 days."""
    name, row = _row(call)
    _unchanged(row, call.values.get("etag"))
    new = {**row, "deleted": None}
    call.world.store.put(CUSTOM, name, new)
    return _view(new)


def inventory(world: World) -> Iterator[Json]:
    """Every custom role not purged yet."""
    now = world.clock.now()
    for name, row in world.store.items(CUSTOM):
        if row["deleted"] is not None and now >= row["deleted"] + KEPT:
            continue
        out = {"kind": "iam.roles", "scope": "global", "name": name.rpartition("/")[2], "self_link": name, "labels": {}, "billing": False}
        out |= {"description": row["role"].get("description", ""), "state": "READY" if row["deleted"] is None else "PENDING_DELETION"}
        yield {**out, **({"purge_at": utc(row["deleted"] + KEPT)} if row["deleted"] is not None else {})}
