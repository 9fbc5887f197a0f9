"""BigQuery subscriptions: what is published is written into a table, a little later, by Pub/Sub's own account.

1. With ``useTableSchema`` a message is a JSON object by column; without it the table has a column ``data``. 2. What cannot be written (the table gone, no
permission, a value that does not fit) is tried again until its retention ends, and the subscription's state says why.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from emulator.access import roles
from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.bigquery import datasets, rows
from emulator.services.bigquery.names import TABLES
from emulator.services.bigquery.types import BadValueError
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
BACKLOG = "bigquery backlog"
WRITE = "bigquery.tables.updateData"
documented(
    "pubsub-bigquery-agent", "A BigQuery subscription writes as service-N@gcp-sa-pubsub, which needs to write in the table's dataset."
)
documented(
    "pubsub-bigquery-state", "A BigQuery subscription's bigqueryConfig.state is ACTIVE, NOT_FOUND, PERMISSION_DENIED or SCHEMA_MISMATCH."
)
assumed("pubsub-bigquery-retry", "What cannot be written is tried again at fixed intervals; dead letter topics are not emulated.")


def agent(world: World) -> str:
    """The account Pub/Sub writes as."""
    return f"serviceAccount:service-{world.settings.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"


def state(world: World, config: Json) -> str:
    """Whether a subscription could write now."""
    key = config["table"].partition(".")[2]
    if world.store.get(TABLES, key) is None:
        return "NOT_FOUND"
    member, dataset = agent(world), key.partition(".")[0]
    may = roles.may(world, member, WRITE) or datasets.may(world, member, WRITE, dataset)
    return "ACTIVE" if may and not world.faults.denies(member, WRITE) else "PERMISSION_DENIED"


def checked(call: Call, config: Json) -> Json:
    """The configuration of a new subscription; raises 400, 403 or 404."""
    project, _, key = str(config.get("table", "")).partition(".")
    if project != call.world.project or key.count(".") != 1:
        raise ApiError(400, f"Invalid BigQuery table: {config.get('table', '')!r}; give PROJECT.DATASET.TABLE of this project.")
    found = state(call.world, config)
    if found == "NOT_FOUND":
        raise ApiError(404, f"BigQuery table {config['table']} was not found.")
    if found == "PERMISSION_DENIED":
        email = agent(call.world).partition(":")[2]
        raise ApiError(403, f"The service account {email} is missing permissions required to write to the BigQuery table: {WRITE}.")
    known = ("table", "useTableSchema", "writeMetadata", "dropUnknownFields")
    return {name: config[name] for name in known if config.get(name)}


def view(world: World, row: Json) -> Json:
    """A subscription as it is shown: what writes shows whether it can."""
    config = row.get("bigqueryConfig")
    if not config:
        return row
    found = state(world, config)
    return {**row, "state": "ACTIVE" if found == "ACTIVE" else "RESOURCE_ERROR", "bigqueryConfig": {**config, "state": found}}


def take(world: World, name: str, message: Json, now: int) -> None:
    """Keep a message until it is written."""
    due = now + world.durations.of("pubsub.bigquery.write")
    world.store.put(BACKLOG, f"{name} {message['messageId']}", {"subscription": name, "message": message, "at": now, "due": due})
    world.changed()


class Writing:
    """An agenda: messages that are due to be written."""

    def __init__(self, world: World) -> None:
        self._world = world

    def next_due(self) -> int | None:
        """When the next one is."""
        return min((row["due"] for _, row in self._world.store.items(BACKLOG)), default=None)

    def settle(self, now: int) -> None:
        """Write what is due."""
        world = self._world
        for key, row in world.store.items(BACKLOG):
            if row["due"] > now:
                continue
            subscription = world.store.get("subscriptions", row["subscription"])
            kept = int(str((subscription or {}).get("messageRetentionDuration", "0s")).rstrip("s")) * SECOND
            if subscription is None or row["at"] + kept <= now or _written(world, subscription["bigqueryConfig"], row["message"], now):
                world.store.delete(BACKLOG, key)
            else:
                world.store.put(BACKLOG, key, {**row, "due": now + world.durations.of("pubsub.bigquery.retry")})


def _written(world: World, config: Json, message: Json, now: int) -> bool:
    """Whether a message could be written."""
    if state(world, config) != "ACTIVE":
        return False
    table = world.store.get(TABLES, config["table"].partition(".")[2]) or {}
    text = base64.b64decode(message.get("data", "")).decode(errors="replace")
    try:
        values = json.loads(text) if config.get("useTableSchema") else {"data": text}
        if not isinstance(values, dict):
            return False
        rows.append(world, table, [values], now, visible=now, drop_unknown=bool(config.get("dropUnknownFields")))
    except (ValueError, BadValueError):
        return False
    return True
