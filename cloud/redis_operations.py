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
from ironwood.errors import ApiDisabledError, CloudError, PermissionDeniedError, RefusedError, TransientError

POLL = timedelta(seconds=10)
LONGEST = timedelta(hours=2)


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
    """Wait for what an earlier run left on its way on instances called `names`; tells what was waited for."""
    wanted, waited = frozenset(names), []
    client: Any = connection.client(redis_v1.CloudRedisClient)
    try:
        with translated("listing instances of Memorystore"):
            busy = [
                each for each in client.list_instances(parent=f"projects/{connection.project}/locations/-", **ONCE) if each.state != READY
            ]
        for instance in busy:
            head, _, name = instance.name.partition("/instances/")
            if name in wanted:
                waited += _of(connection, client, head, instance.name)
    except (ApiDisabledError, PermissionDeniedError):
        return []  # observing says so
    return waited


READY = redis_v1.Instance.State.READY


def _of(connection: Connection, client: Any, location: str, target: str) -> list[str]:
    with translated(f"listing operations in {location}"):
        listed = client.list_operations(operations_pb2.ListOperationsRequest(name=location), **ONCE).operations
    waited = []
    for operation in listed:
        if not operation.done and target.encode() in operation.metadata.value:
            doing = f"an operation on {target.rpartition('/')[2]}, left in flight by an earlier run"
            try:
                finish(connection, operation.name, doing)
            except CloudError as error:
                waited.append(f"{doing}: {error}")
            else:
                waited.append(doing)
    return waited
