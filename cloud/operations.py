"""Compute operations: wait for one, list those in flight, find one again after a crash.

The clients' own `result()` asks the default endpoint whatever it was given, so operations are waited for through their own
clients. `wait` may return before the operation is done, after two minutes at most (documented): it is asked again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from google.cloud import compute_v1

from cloud.clock import sleep
from cloud.connection import CALL_SECONDS, Connection
from cloud.errors import operation_error, translated
from ironwood.errors import TransientError

DONE = compute_v1.Operation.Status.DONE
WAIT_SECONDS = 150.0
POLL = timedelta(seconds=2)
LONGEST = timedelta(hours=2)


def finish(connection: Connection, operation: compute_v1.Operation, doing: str) -> compute_v1.Operation:
    """Wait until `operation` is done; raises the error it ended with.

    After two hours of the cloud's time TransientError: a timeout is not a failure, the next attempt finds it again.
    """
    deadline = connection.clock.now() + LONGEST
    while operation.status != DONE:
        operation = _wait(connection, operation, doing)
        if operation.status != DONE:
            if connection.clock.now() > deadline:
                raise TransientError(f"{doing}: operation {operation.name} is still running after {LONGEST}; run again to go on waiting")
            sleep(connection.clock, POLL)
    if operation.error.errors:
        raise operation_error(doing, operation)
    return operation


def in_flight(connection: Connection, names: Iterable[str]) -> list[compute_v1.Operation]:
    """Operations not done yet whose target bears one of `names`: what a killed run left on its way."""
    wanted = frozenset(names)
    client = connection.client(compute_v1.GlobalOperationsClient)
    request = compute_v1.AggregatedListGlobalOperationsRequest(project=connection.project, filter="status!=DONE")
    with translated("listing operations in flight"):
        pages = client.aggregated_list(request, retry=None, timeout=CALL_SECONDS)
        found = [operation for _, scoped in pages for operation in scoped.operations]
    return [operation for operation in found if operation.status != DONE and operation.target_link.rpartition("/")[2] in wanted]


def _wait(connection: Connection, operation: compute_v1.Operation, doing: str) -> compute_v1.Operation:
    project, name = connection.project, operation.name
    with translated(f"{doing}: waiting for operation {name}"):
        if operation.zone:
            zone = operation.zone.rpartition("/")[2]
            return connection.client(compute_v1.ZoneOperationsClient).wait(
                project=project, zone=zone, operation=name, retry=None, timeout=WAIT_SECONDS
            )
        if operation.region:
            region = operation.region.rpartition("/")[2]
            return connection.client(compute_v1.RegionOperationsClient).wait(
                project=project, region=region, operation=name, retry=None, timeout=WAIT_SECONDS
            )
        return connection.client(compute_v1.GlobalOperationsClient).wait(project=project, operation=name, retry=None, timeout=WAIT_SECONDS)
