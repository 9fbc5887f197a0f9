"""What roles hold, and what policies grant.

1. Predefined roles are in ``emulator/roles.yaml``, with those of their permissions that something here knows. 2. A custom role holds exactly
what it lists; a deleted one grants nothing and is purged after 7 days. 3. A member is granted what the project's policy, and for an account
the account's own, binds it to.
"""

from __future__ import annotations

import fnmatch
import importlib.resources
from functools import cache
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from emulator.access import needs
from emulator.access.callers import OWNER
from emulator.identity import fingerprint
from emulator.rules import assumed, documented

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
CUSTOM = "custom_roles"
POLICIES = "policies"
documented("custom-role-soft-delete", "A deleted custom role grants nothing, can be undeleted for 7 days, and keeps its id for long after.")
assumed("role-contents", "Predefined roles hold, of their permissions, only those emulator/roles.yaml names.")
assumed("policy-at-once", "A changed policy grants and revokes at once (Google: usually within two minutes).")


@cache
def predefined() -> dict[str, Json]:
    """Title and permissions of each predefined role; ``compute.*`` stands for all known ones."""
    text = importlib.resources.files("emulator").joinpath("roles.yaml").read_text()
    rows: dict[str, Json] = YAML(typ="safe").load(text)
    plain = {item for row in rows.values() for item in row["permissions"] if "*" not in item and not item.startswith("-")}
    every = needs.known() | plain
    return {name: {"title": row["title"], "permissions": _expanded(row["permissions"], every)} for name, row in rows.items()}


def _expanded(patterns: list[str], every: frozenset[str]) -> list[str]:
    found: set[str] = set()
    for pattern in patterns:
        if pattern.startswith("-"):
            found -= set(fnmatch.filter(found, pattern[1:]))
        else:
            found |= set(fnmatch.filter(every, pattern))
    return sorted(found)


@cache
def known() -> frozenset[str]:
    """Every permission there is here."""
    return needs.known() | {permission for row in predefined().values() for permission in row["permissions"]}


def permissions(world: World, role: str) -> frozenset[str]:
    """What a role holds; nothing when it is deleted or not there."""
    if role in predefined():
        return frozenset(predefined()[role]["permissions"])
    row = world.store.get(CUSTOM, role)
    return frozenset(row["role"].get("includedPermissions", ())) if row and row["deleted"] is None else frozenset()


def exists(world: World, role: str) -> bool:
    """Whether a role can be bound."""
    row = world.store.get(CUSTOM, role)
    return role in predefined() or (row is not None and row["deleted"] is None)


def initial(world: World, resource: str) -> Json:
    """The policy of what nobody has set one on: the project's owner owns it."""
    bindings = [{"role": "roles/owner", "members": [OWNER]}] if resource == f"projects/{world.project}" else []
    return {"version": 1, "bindings": bindings}


def policy(world: World, resource: str) -> Json:
    """The policy of a resource, with its etag."""
    row = world.store.get(POLICIES, resource) or {"policy": initial(world, resource), "serial": 0}
    out = {key: value for key, value in row["policy"].items() if value}
    return {**out, "etag": fingerprint([out, row["serial"]])}


def set_policy(world: World, resource: str, new: Json) -> None:
    """Replace the policy of a resource; every change has a new etag."""
    row = world.store.get(POLICIES, resource) or {"serial": 0}
    world.store.put(POLICIES, resource, {"policy": new, "serial": row["serial"] + 1})


def granted(world: World, member: str, resource: str) -> frozenset[str]:
    """What a member may do by the policy of one resource."""
    held: set[str] = set()
    for binding in policy(world, resource).get("bindings", []):
        if member in binding["members"]:
            held |= permissions(world, binding["role"])
    return frozenset(held)


def may(world: World, member: str, permission: str, resource: str = "") -> bool:
    """Whether a member has a permission on the project, or on the resource below it."""
    places = [f"projects/{world.project}", *([resource] if resource else [])]
    return member == OWNER or any(permission in granted(world, member, place) for place in places)
