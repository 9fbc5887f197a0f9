"""Service accounts.

1. A new account cannot be read for a short while, though making it again is a 409 [recorded]. 2. A deleted one is purged after 30 days and can
be undeleted until then; asking for it by its unique id says ``Account deleted``. 3. A recreated one has a new unique id.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.access import policies
from emulator.call import Call
from emulator.errors import ApiError
from emulator.identity import fingerprint
from emulator.rules import assumed, documented, recorded
from emulator.services.compute.pages import page
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "service_accounts"
PURGE = 30 * 86_400 * SECOND
recorded("account-eventual", "After a create, POST is a 409 while GET is still a 404, for a short while.")
recorded("account-deleted", "A deleted account is a 404 'Account deleted: <uniqueId>'.")
documented("account-undelete", "A deleted account can be undeleted for 30 days.")
assumed("account-visible-in-list", "A new account is missing from lists for as long as its GET is a 404; writes to it work at once.")


def email_of(world: World, account_id: str) -> str:
    """The account's address."""
    return f"{account_id}@{world.project}.iam.gserviceaccount.com"


def _view(world: World, row: Json) -> Json:
    account = row["account"]
    out = {
        "name": f"projects/{world.project}/serviceAccounts/{row['email']}",
        "projectId": world.project,
        "uniqueId": row["uniqueId"],
        "email": row["email"],
        "etag": fingerprint(account),
        "oauth2ClientId": row["uniqueId"],
        **account,
    }
    return {key: value for key, value in out.items() if value not in ("", None)}


def _live(world: World, key: str) -> Json | None:
    """The account with this address or unique id that is not deleted."""
    for _, row in world.store.items(TAB):
        if key in {row["email"], row["uniqueId"]} and row["deleted"] is None:
            return row
    return None


def _find(call: Call, name: str, *, read: bool) -> Json:
    """The account a name means; raises 404 in Google's words."""
    match = re.fullmatch(r"projects/([^/]+)/serviceAccounts/([^/]+)", name)
    world = call.world
    if match is None or match[1] not in {world.project, world.settings.project_number, "-"}:
        raise ApiError(403, "Permission 'iam.serviceAccounts.get' denied on resource (or it may not exist).", reason="forbidden")
    row = _live(world, match[2])
    if row and (not read or call.now >= row["visible"]):
        return row
    if row is None:
        for _, gone in world.store.items(TAB):
            if gone["deleted"] is not None and match[2] == gone["uniqueId"] and call.now < gone["deleted"] + PURGE:
                raise ApiError(404, f"Account deleted: {gone['uniqueId']}", reason="notFound")
    if match[2].isdigit():
        raise ApiError(404, f"Unknown service account: {match[2]}", reason="notFound")
    raise ApiError(404, f"Unknown service account: {match[2]}", reason="notFound")


def policy_resource(call: Call) -> str:
    """``projects/P/serviceAccounts/EMAIL`` of the account a policy call names; raises 404."""
    row = _find(call, call.text("resource"), read=True)
    return f"projects/{call.world.project}/serviceAccounts/{row['email']}"


def create(call: Call) -> Json:
    """Make an account."""
    world = call.world
    account_id = call.values.get("accountId", "")
    if not re.fullmatch(r"[a-z](?:[-a-z0-9]{4,28}[a-z0-9])", account_id):
        raise ApiError(
            400, f"Service account ID {account_id!r} must be 6 to 30 characters of [a-z][-a-z0-9]*[a-z0-9].", reason="badRequest"
        )
    email = email_of(world, account_id)
    if _live(world, email):
        message = f"Service account {account_id} already exists within project projects/{world.project}."
        raise ApiError(409, message, reason="alreadyExists")
    given = call.values.get("serviceAccount") or {}
    account = {key: given[key] for key in ("displayName", "description") if given.get(key)}
    return _view(world, _make(world, email, account, call.now, world.durations.of("iam.read_after_create")))


def _make(world: World, email: str, account: Json, now: int, hidden: int) -> Json:
    unique = world.identity.unique()
    row = {"email": email, "uniqueId": unique, "account": account, "created": now, "visible": now + hidden, "deleted": None}
    world.store.put(TAB, unique, row)
    return row


def make_default_account(world: World, now: int) -> None:
    """The default account enabling Compute makes."""
    email = f"{world.settings.project_number}-compute@developer.gserviceaccount.com"
    if not _live(world, email):
        row = _make(world, email, {"displayName": "Compute Engine default service account"}, now, 0)
        world.store.put(TAB, row["uniqueId"], {**row, "origin": "google"})


def get(call: Call) -> Json:
    """Read an account."""
    return _view(call.world, _find(call, call.text("name"), read=True))


def list_(call: Call) -> Json:
    """All accounts of the project."""
    world = call.world
    if call.text("name").removeprefix("projects/") not in {world.project, world.settings.project_number}:
        raise ApiError(403, "Permission 'iam.serviceAccounts.list' denied on resource (or it may not exist).", reason="forbidden")
    rows = [row for _, row in world.store.items(TAB) if row["deleted"] is None and call.now >= row["visible"]]
    values = {"max_results": min(int(call.values.get("pageSize") or 20), 100), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, [_view(world, row) for row in rows])
    return {**({"accounts": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def delete(call: Call) -> Json:
    """Delete an account; it can be undeleted for 30 days."""
    row = _find(call, call.text("name"), read=False)
    call.world.store.put(TAB, row["uniqueId"], {**row, "deleted": call.now})
    policies.account_deleted(call.world, row["email"], row["uniqueId"])
    return {}


def undelete(call: Call) -> Json:
    """Bring a deleted account back, by its unique id."""
    world = call.world
    key = call.text("name").rpartition("/")[2]
    for unique, row in world.store.items(TAB):
        if row["deleted"] is not None and key in {row["uniqueId"], row["email"]} and call.now < row["deleted"] + PURGE:
            if _live(world, row["email"]):
                raise ApiError(409, f"Service account {row['email']} already exists.", reason="alreadyExists")
            restored = {**row, "deleted": None}
            world.store.put(TAB, unique, restored)
            policies.account_restored(world, row["email"], unique)
            return {"restoredAccount": _view(world, restored)}
    raise ApiError(404, f"Unknown service account: {key}", reason="notFound")


def patch(call: Call) -> Json:
    """Change displayName and description, as the update mask says."""
    given = call.values.get("serviceAccount") or {}
    row = _find(call, call.text("name") if "name" in call.values else given.get("name", ""), read=False)
    mask = call.values.get("updateMask") or ""
    fields = [re.sub(r"_(\w)", lambda match: match[1].upper(), field.strip()) for field in mask.split(",") if field.strip()]
    wrong = [field for field in fields if field not in {"displayName", "description"}]
    if wrong or not fields:
        raise ApiError(400, f"Invalid update mask {mask!r}: only display_name and description can be changed.", reason="badRequest")
    return _changed(call, row, {**row["account"], **{field: given.get(field, "") for field in fields}})


def update(call: Call) -> Json:
    """Replace displayName and description."""
    row = _find(call, call.text("name"), read=False)
    return _changed(
        call, row, {**row["account"], **{key: call.values[key] for key in ("displayName", "description") if key in call.values}}
    )


def _changed(call: Call, row: Json, account: Json) -> Json:
    new = {**row, "account": {key: value for key, value in account.items() if value}}
    call.world.store.put(TAB, row["uniqueId"], new)
    return _view(call.world, new)
