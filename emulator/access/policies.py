"""Policies as an API reads and writes them, whatever they are on.

1. A write with a stale etag is a 409 ABORTED; without one it overwrites. 2. A role or a service account that is not there is a 400. 3. When an
account is deleted its members stay as ``deleted:serviceAccount:EMAIL?uid=ID``, and come back when it is undeleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.access import orgpolicies, roles
from emulator.access.callers import ACCOUNTS
from emulator.call import Call
from emulator.errors import ApiError
from emulator.identity import same_etag
from emulator.rules import assumed, documented

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
documented("policy-etag", "setIamPolicy with a stale etag is a 409 ABORTED 'There were concurrent policy changes. ...'.")
documented("deleted-member", "A deleted account's bindings stay, as deleted:serviceAccount:EMAIL?uid=ID.")
assumed("policy-new-account", "Binding an account that cannot be read yet is a 400 'Service account ... does not exist.'")
assumed("policy-members", "A user, group or domain is taken as it comes; only accounts of the project are looked up.")
CONFLICT = "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."
MEMBER = re.compile(r"allUsers|allAuthenticatedUsers|(?:deleted:)?(?:user|serviceAccount|group|domain):\S+|principal(?:Set)?://\S+")


def read(call: Call, resource: str) -> Json:
    """The policy of a resource."""
    return roles.policy(call.world, resource)


def write(call: Call, resource: str) -> Json:
    """Replace it; raises 400, 409 or what an organisation policy says."""
    world = call.world
    given = call.values.get("policy") or {}
    now = roles.policy(world, resource)
    etag = given.get("etag")
    if etag and not same_etag(etag, now["etag"]):
        raise ApiError(409, CONFLICT, reason="aborted", status_name="ABORTED")
    bindings = [_checked(call, binding) for binding in given.get("bindings", [])]
    before = {(binding["role"], member) for binding in now.get("bindings", []) for member in binding["members"]}
    added = [member for each in bindings for member in each["members"] if (each["role"], member) not in before]
    orgpolicies.refuse_members(world, added)
    merged: dict[str, Json] = {}
    for binding in bindings:
        key = f"{binding['role']} {binding.get('condition')}"
        members = [*merged.get(key, {}).get("members", []), *binding["members"]]
        merged[key] = {**binding, "members": sorted(set(members))}
    kept = [binding for binding in merged.values() if binding["members"]]
    roles.set_policy(
        world, resource, {"version": int(given.get("version", 1)) or 1, "bindings": sorted(kept, key=lambda each: str(each["role"]))}
    )
    return roles.policy(world, resource)


def test(call: Call, resource: str) -> Json:
    """Those of the permissions asked for that the caller has."""
    asked = call.values.get("permissions") or []
    for permission in asked:
        if "*" in permission or "." not in permission or permission not in roles.known():
            raise ApiError(400, f"Permission {permission} is not valid for this resource.", reason="badRequest")
    held = [permission for permission in asked if roles.may(call.world, call.caller, permission, resource)]
    return {"permissions": held} if held else {}


def _checked(call: Call, binding: Json) -> Json:
    role, members = binding.get("role", ""), list(binding.get("members", []))
    if not roles.exists(call.world, role):
        raise ApiError(400, f"Role {role} is not supported for this resource.", reason="badRequest")
    for member in members:
        if not MEMBER.fullmatch(member):
            raise ApiError(
                400, f"The member {member} is of an unknown type. Please set a valid type prefix for the member.", reason="badRequest"
            )
        _there(call, member)
    return {**binding, "members": members}


def _there(call: Call, member: str) -> None:
    kind, _, email = member.partition(":")
    if kind != "serviceAccount" or not email.endswith(f"@{call.world.project}.iam.{ACCOUNTS}"):
        return
    rows = (row for _, row in call.world.store.items("service_accounts"))
    if not any(row["email"] == email and row["deleted"] is None and call.now >= row["visible"] for row in rows):
        raise ApiError(400, f"Service account {email} does not exist.", reason="badRequest")


def account_deleted(world: World, email: str, unique: str) -> None:
    """Its members say so from now on."""
    _renamed(world, f"serviceAccount:{email}", f"deleted:serviceAccount:{email}?uid={unique}")


def account_restored(world: World, email: str, unique: str) -> None:
    """Its members are it again."""
    _renamed(world, f"deleted:serviceAccount:{email}?uid={unique}", f"serviceAccount:{email}")


def _renamed(world: World, old: str, new: str) -> None:
    for resource, row in list(world.store.items(roles.POLICIES)):
        bindings = row["policy"].get("bindings", [])
        if any(old in binding["members"] for binding in bindings):
            changed = [{**each, "members": sorted({new if member == old else member for member in each["members"]})} for each in bindings]
            roles.set_policy(world, resource, {**row["policy"], "bindings": changed})


def bound(world: World, resource: str) -> Iterator[tuple[str, str]]:
    """Every (role, member) of a policy."""
    for binding in roles.policy(world, resource).get("bindings", []):
        for member in binding["members"]:
            yield binding["role"], member
