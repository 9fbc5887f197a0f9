"""Names of Pub/Sub and the errors about them."""

from __future__ import annotations

import re
from typing import Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import documented, recorded

Json = dict[str, Any]
TOPICS, SUBSCRIPTIONS = "topics", "subscriptions"
ID = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
recorded("pubsub-not-found", "A topic or subscription that is not there is a 404 'Resource not found (resource=NAME).'.")
documented("pubsub-exists", "Making a topic or subscription again is a 409 'Resource already exists in the project (resource=NAME).'.")
documented("pubsub-name", "A topic's or subscription's id has 3 to 255 of [A-Za-z0-9._~+%-], begins with a letter and not with goog.")


def checked(call: Call, name: str, collection: str) -> str:
    """The full name with our project's id; raises 400 or 403."""
    settings = call.world.settings
    match = re.fullmatch(rf"projects/([^/]+)/{collection}/([^/]+)", name)
    if match is None or not ID.fullmatch(match[2]):
        raise ApiError(400, f"Invalid [{collection}] name: (name={name})")
    if match[1] not in {settings.project, settings.project_number}:
        raise ApiError(403, "User not authorized to perform this action.")
    return f"projects/{settings.project}/{collection}/{match[2]}"


def found(call: Call, name: str, collection: str) -> Json:
    """The record of a topic or subscription; raises 404."""
    full = checked(call, name, collection)
    row = call.world.store.get(collection, full)
    if row is None:
        raise not_found(full)
    return row


def not_found(full: str) -> ApiError:
    """The 404 of a topic or subscription [recorded]."""
    return ApiError(404, f"Resource not found (resource={full.rpartition('/')[2]}).")


def refuse_second(call: Call, full: str, collection: str) -> None:
    """Raise 409 where it exists."""
    if call.world.store.get(collection, full):
        raise ApiError(409, f"Resource already exists in the project (resource={full.rpartition('/')[2]}).")


def in_project(call: Call, name: str) -> None:
    """Raise 403 for another project's name."""
    if name.removeprefix("projects/") not in {call.world.settings.project, call.world.settings.project_number}:
        raise ApiError(403, "User not authorized to perform this action.")
