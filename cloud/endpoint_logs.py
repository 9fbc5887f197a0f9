"""What Vertex AI's endpoints logged of errors: the seed's `resource.type="aiplatform.googleapis.com/Endpoint"`, from severity ERROR on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.types import ListLogEntriesRequest, LogEntry
from google.protobuf import json_format

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from ironwood.diagnosis.vertex import LogLine

RESOURCE = "aiplatform.googleapis.com/Endpoint"
PAGE = 50
_JSON: Any = json_format  # protobuf ships no types


def errors(connection: Connection, *, since: datetime) -> list[LogLine]:
    """The newest entries since an instant, at most a page of them."""
    request = ListLogEntriesRequest(
        resource_names=[f"projects/{connection.project}"],
        filter=f'resource.type="{RESOURCE}" AND severity>=ERROR AND timestamp>="{since.isoformat()}"',
        order_by="timestamp desc",
        page_size=PAGE,
    )
    with translated("reading the logs of Vertex AI's endpoints"):
        page = next(iter(connection.client(LoggingServiceV2Client).list_log_entries(request=request, **ONCE).pages))
    return [_line(entry) for entry in page.entries]


def _line(entry: LogEntry) -> LogLine:
    return LogLine(
        at=datetime.fromtimestamp(entry.timestamp.timestamp(), tz=entry.timestamp.tzinfo),
        endpoint=str(entry.resource.labels.get("endpoint_id", "")),
        text=_text(entry),
    )


def _text(entry: LogEntry) -> str:
    """What was logged; of a payload of fields its message."""
    if entry.text_payload:
        return str(entry.text_payload)
    plain = _JSON.MessageToDict(LogEntry.pb(entry).json_payload)
    return str(plain.get("message", plain))
