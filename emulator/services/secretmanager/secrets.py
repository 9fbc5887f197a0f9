"""Secrets: what has versions, a policy and labels, but no value of its own.

1. A name is told with the project's number, and may be given with either. 2. Deleting a secret deletes its versions and its policy at once.
"""

from __future__ import annotations

import re
from typing import Any

from emulator.access import policies, roles
from emulator.call import Call
from emulator.errors import ApiError
from emulator.identity import fingerprint, same_etag
from emulator.rules import assumed, documented
from emulator.services.scoping import listed, masked, own, paths
from emulator.times import utc

Json = dict[str, Any]
TAB, VERSIONS, NUMBERS, SPANS = "secrets", "secret_versions", "secret_numbers", "secret_spans"
ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
SETTABLE = ("labels", "annotations", "topics", "expireTime", "ttl", "rotation", "versionAliases", "versionDestroyTtl")
documented("secret-id", "A secret's id has 1 to 255 letters, digits, hyphens and underscores.")
documented("secret-name-number", "A secret's name is told with the project's number.")
documented("secret-replication", "A secret needs a replication policy, and keeps it.")
documented("secret-delete", "Deleting a secret deletes all of its versions at once.")
assumed("secret-words", "A missing secret is a 404 'Secret [NAME] not found.', a second one a 409 'Secret [NAME] already exists.'")


def told(call: Call, name: str) -> str:
    """A name as answers have it: with the project's number."""
    return name.replace(f"projects/{call.world.project}/", f"projects/{call.world.settings.project_number}/", 1)


def found(call: Call, name: str) -> tuple[str, Json]:
    """The full name and the record of a secret; raises 404."""
    full = own(call.world, name)
    row = call.world.store.get(TAB, full)
    if row is None:
        raise ApiError(404, f"Secret [{told(call, full)}] not found.")
    return full, row


def view(call: Call, full: str, row: Json) -> Json:
    """As answered."""
    return {**row, "name": told(call, full), "etag": fingerprint(row)}


def create(call: Call) -> Json:
    """Make a secret without a version."""
    given = call.values.get("secret") or {}
    identifier = str(call.values.get("secretId", ""))
    if not ID.fullmatch(identifier):
        raise ApiError(400, f"Invalid secret id: {identifier!r}.")
    if not (given.get("replication") or {}).keys() & {"automatic", "userManaged"}:
        raise ApiError(400, "Secret.replication must be provided.")
    full = f"{own(call.world, call.text('parent'))}/secrets/{identifier}"
    if call.world.store.get(TAB, full):
        raise ApiError(409, f"Secret [{told(call, full)}] already exists.")
    row = {"replication": given["replication"], "createTime": utc(call.now), **{key: given[key] for key in SETTABLE if given.get(key)}}
    call.world.store.put(TAB, full, row)
    return view(call, full, row)


def get(call: Call) -> Json:
    """Read a secret, which does not tell its value."""
    return view(call, *found(call, call.text("name")))


def list_(call: Call) -> Json:
    """The project's secrets."""
    own(call.world, call.text("parent"))
    return listed(call, "secrets", [view(call, full, row) for full, row in call.world.store.items(TAB)])


def patch(call: Call) -> Json:
    """Change what the mask names."""
    given = call.values.get("secret") or {}
    full, row = found(call, str(given.get("name", "")))
    _same(given, row)
    fields = paths(call.values.get("updateMask"))
    if not fields or any(path[0] not in SETTABLE for path in fields):
        raise ApiError(400, "The update mask must name fields of a secret that can be changed.")
    changed = masked(row, given, call.values.get("updateMask"))
    call.world.store.put(TAB, full, changed)
    return view(call, full, changed)


def delete(call: Call) -> Json:
    """Delete a secret with its versions and its policy."""
    full, row = found(call, call.text("name"))
    _same(call.values, row)
    store = call.world.store
    for name, version in list(store.items(VERSIONS)):
        if name.startswith(f"{full}/versions/"):
            store.delete(VERSIONS, name)
            billed_until(call, name, version)
    store.delete(NUMBERS, full)
    store.delete(TAB, full)
    store.delete(roles.POLICIES, full)
    return {}


def billed_until(call: Call, name: str, version: Json) -> None:
    """A version bills from when it was added until now."""
    key = f"{name} {version['made']}"
    span = call.world.store.get(SPANS, key)
    if span is not None and span["end"] is None:
        call.world.store.put(SPANS, key, {**span, "end": call.now})


def get_policy(call: Call) -> Json:
    """Who may do what with it."""
    return policies.read(call, found(call, call.text("resource"))[0])


def set_policy(call: Call) -> Json:
    """Replace that."""
    return policies.write(call, found(call, call.text("resource"))[0])


def test_policy(call: Call) -> Json:
    """What of it the caller may."""
    return policies.test(call, found(call, call.text("resource"))[0])


def _same(given: Json, row: Json) -> None:
    if given.get("etag") and not same_etag(given["etag"], fingerprint(row)):
        raise ApiError(400, "The etag provided does not match the current state of the resource.", status_name="FAILED_PRECONDITION")
