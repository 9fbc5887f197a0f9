"""The ledger's log: entries written to and read from Cloud Logging.

1. An entry's id is given by its writer and stays the same when the write is repeated, so it is kept once. 2. Reads lag behind writes by seconds
and nothing can be compared and set: the log is a trail to be read, never a lock. 3. What is written holds no secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.types import ListLogEntriesRequest, LogEntry
from google.protobuf import json_format

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.drivers.logs import bucket_name
from cloud.errors import translated
from ironwood.desired.marks import LABEL_KEY

PAGE = 500
_JSON: Any = json_format  # protobuf ships no types


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry: `id` unique in its log, `content` its payload of plain values, one of them `kind`."""

    id: str
    at: datetime
    content: Mapping[str, Any]


def write(connection: Connection, *, log: str, owner: str, entries: Iterable[Entry]) -> None:
    """Write `entries` to `log` (`projects/P/logs/NAME`), labelled with their owner."""
    messages = [
        LogEntry(insert_id=each.id, timestamp=each.at, severity="NOTICE", json_payload=dict(each.content), labels={LABEL_KEY: owner})
        for each in entries
    ]
    client = connection.client(LoggingServiceV2Client)
    with translated(f"writing to {log}"):
        client.write_log_entries(request={"log_name": log, "resource": {"type": "global"}, "entries": messages}, **ONCE)


def read(connection: Connection, *, bucket: str, log: str, since: datetime, kind: str = "") -> list[Entry]:
    """The entries of `log` in the log bucket called `bucket` since an instant, oldest first; of one `kind` where it is given."""
    wanted = [f'logName="{log}"', f'timestamp>="{since.isoformat()}"', *([f'jsonPayload.kind="{kind}"'] if kind else [])]
    request = ListLogEntriesRequest(
        resource_names=[f"{bucket_name(connection.project, bucket)}/views/_AllLogs"],
        filter=" AND ".join(wanted),
        order_by="timestamp asc",
        page_size=PAGE,
    )
    client = connection.client(LoggingServiceV2Client)
    with translated(f"reading {log}"):
        found = list(client.list_log_entries(request=request, **ONCE))
    return [_entry(message) for message in found]


def _entry(message: LogEntry) -> Entry:
    plain = _JSON.MessageToDict(LogEntry.pb(message).json_payload)
    return Entry(id=message.insert_id, at=datetime.fromtimestamp(message.timestamp.timestamp(), tz=message.timestamp.tzinfo), content=plain)
