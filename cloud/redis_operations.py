"""Operations of Memorystore: waited for by name, found again after a crash. A create takes minutes, a change of size ten; a timeout is not a failure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from google.cloud import redis_v1
from google.longrunning import operations_pb2

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from ironwood.errors import ApiDisabledError, PermissionDeniedError, RefusedError, TransientError

POLL = timedelta(seconds=10)
LONGEST = timedelta(hours=2)
_STATE = redis_v1.Instance.State
CHANGING = frozenset({_STATE.CREATING, _STATE.UPDATING, _STATE.DELETING, _STATE.MAINTENANCE, _STATE.IMPORTING, _STATE.FAILING_OVER})


def finish(connection: Connection, name: str, doing: str) -> None:
    """Wait until the operation `name` is done; raises the error it ended with, TransientError after two hours of the cloud's time."""
    client: Any = connection.client(redis_v1.CloudRedisClient)
    deadline = connection.clock.now() + LONGEST
    while True:
        with translated(f"{doing}: waiting for operation {name}"):
            found = client.get_operation(operations_pb2.GetOperationRequest(name=name), **ONCE)
        if found.done:
            break
        if connection.clock.now() > deadline:
            raise TransientError(f"{doing}: operation {name} is still running after {LONGEST}; run again to go on waiting")
        sleep(connection.clock, POLL)
    if found.error.code:
        raise RefusedError(f"{doing}: {found.error.message} (code {found.error.code})")


def settle(connection: Connection, names: Iterable[str]) -> list[str]:
    """Wait until instances called `names` that an earlier run left changing are ready, or gone; tells what was waited for."""
    wanted = frozenset(names)
    waited: dict[str, None] = {}
    deadline = connection.clock.now() + LONGEST
    while busy := _busy(connection, wanted):
        waited |= dict.fromkeys(busy)
        if connection.clock.now() > deadline:
            return [f"{each}, still after {LONGEST}" for each in busy]
        sleep(connection.clock, POLL)
    return list(waited)


def _busy(connection: Connection, wanted: frozenset[str]) -> list[str]:
    client: Any = connection.client(redis_v1.CloudRedisClient)
    try:
        with translated("listing instances of Memorystore"):
            found = list(client.list_instances(parent=f"projects/{connection.project}/locations/-", **ONCE))
    except (ApiDisabledError, PermissionDeniedError):
        return []  # observing says so
    return [
        f"{each.state.name.lower()} of {name}, left in flight by an earlier run"
        for each in found
        if each.state in CHANGING and (name := each.name.rpartition("/")[2]) in wanted
    ]
