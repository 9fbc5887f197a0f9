"""Service Networking, which has no google-cloud package: its v1 discovery document through google-api-python-client.

httplib2 serves one thread at a time, so every call opens a client of its own; the document ships with the package.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import httplib2  # type: ignore[import-untyped]  # ships no types
from google.api_core import exceptions
from googleapiclient import discovery
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.errors import HttpError

from cloud.clock import sleep
from cloud.connection import CALL_SECONDS, TOKEN, Connection
from cloud.errors import translated
from ironwood.errors import HeldError, RefusedError, TransientError

API = "servicenetworking.googleapis.com"
SERVICE = f"services/{API}"
POLL = timedelta(seconds=10)
LONGEST = timedelta(hours=1)
STILL_USED = "still using this connection"


class _WithToken(httplib2.Http):  # type: ignore[misc]  # untyped
    """To the embedded cloud: plain, with the caller's token where there is one."""

    def request(self, uri: str, *given: Any, headers: Any = None, **named: Any) -> Any:
        token = os.environ.get(TOKEN)
        more = {"authorization": f"Bearer {token}"} if token else {}
        return super().request(uri, *given, headers={**(headers or {}), **more}, **named)


@contextmanager
def connections(connection: Connection) -> Iterator[Any]:
    """The collection of private connections, for one call."""
    document = json.loads(get_static_doc("servicenetworking", "v1"))  # type: ignore[no-untyped-call]  # the packages are partly typed
    if connection.google is not None:
        document["rootUrl"] = f"{connection.google.settings.address(API)}/"
        http = connection.google.http(CALL_SECONDS)
    else:
        assert connection.embedded is not None
        document["rootUrl"] = f"{connection.embedded.url}/{API}/"
        http = _WithToken(timeout=CALL_SECONDS)
    service = discovery.build_from_document(document, http=http)
    try:
        yield service
    finally:
        service.close()


def call(connection: Connection, doing: str, request: Callable[[Any], Any]) -> dict[str, Any]:
    """Send what `request` makes of the service; errors come out as ours."""
    with translated(doing), connections(connection) as service:
        try:
            answer: dict[str, Any] = request(service).execute(num_retries=0)
        except HttpError as error:
            raise exceptions.from_http_status(int(error.resp.status), str(error.reason)) from error  # type: ignore[no-untyped-call]  # the same
        except (OSError, httplib2.HttpLib2Error) as error:
            raise exceptions.ServiceUnavailable(f"the connection was lost ({type(error).__name__})") from error  # type: ignore[no-untyped-call]  # the same
        return answer


def finish(connection: Connection, operation: dict[str, Any], doing: str) -> None:
    """Wait for an operation; raises HeldError where Google's services still use the connection, RefusedError for any other end."""
    deadline = connection.clock.now() + LONGEST
    while not operation.get("done"):
        if connection.clock.now() > deadline:
            raise TransientError(f"{doing}: operation {operation['name']} is still running after {LONGEST}; run again to go on waiting")
        sleep(connection.clock, POLL)
        name = operation["name"]
        operation = call(connection, f"{doing}: waiting for operation {name}", partial(_operation, name))
    error = operation.get("error")
    if error:
        kind = HeldError if STILL_USED in error.get("message", "") else RefusedError
        raise kind(f"{doing}: {error.get('message')} (code {error.get('code')})")


def _operation(name: str, service: Any) -> Any:
    return service.operations().get(name=name)
