"""Vertex AI: its clients, its long operations, and what runs there.

1. Each region has a host of its own. 2. An operation is found again where it was begun: in the list of those on its endpoint or model; so a run that
was killed, or gave up, goes on waiting in the next. 3. The package is large: it is imported when it is first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from google.cloud.location import locations_pb2
from google.longrunning import operations_pb2

from cloud import progress
from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from ironwood import tpu
from ironwood.cost.ledger import Make, Vm
from ironwood.errors import NotFoundError, QuotaError, RefusedError, StockoutError, TransientError

if TYPE_CHECKING:
    from google.cloud import aiplatform_v1

    from ironwood.resources.vertex import DeployedModel

T = TypeVar("T")
SIDE_BY_SIDE = 8
POLL = timedelta(seconds=10)
LONGEST = timedelta(hours=3)
"""Longer than the two hours a deployment may take (documented)."""
STAGES = (5, 6, 7, 8, 9, 3, 4)
"""`DeploymentStage` numbers in their order."""
_BY_CODE = {5: NotFoundError, 8: StockoutError, 14: TransientError, 13: TransientError, 4: TransientError}


def library() -> Any:
    """The package of Google's, imported at first use."""
    from google.cloud import aiplatform_v1

    return aiplatform_v1


def endpoints(connection: Connection, region: str) -> aiplatform_v1.EndpointServiceClient:
    """The client of endpoints in a region."""
    client: aiplatform_v1.EndpointServiceClient = connection.regional(library().EndpointServiceClient, region)
    return client


def models(connection: Connection, region: str) -> aiplatform_v1.ModelServiceClient:
    """The client of models in a region."""
    client: aiplatform_v1.ModelServiceClient = connection.regional(library().ModelServiceClient, region)
    return client


def predictions(connection: Connection, region: str) -> aiplatform_v1.PredictionServiceClient:
    """The client of predictions in a region."""
    client: aiplatform_v1.PredictionServiceClient = connection.regional(library().PredictionServiceClient, region)
    return client


def parent(connection: Connection, region: str) -> str:
    """`projects/P/locations/R`."""
    return f"projects/{connection.project}/locations/{region}"


def everywhere(connection: Connection, what: str, listed: Callable[[str], Iterable[T]]) -> Iterator[tuple[str, T]]:
    """(region, thing) of what `listed` tells of each region Vertex AI is in."""
    client = connection.client(library().EndpointServiceClient)
    with translated(f"listing where {what} can be"):
        request = locations_pb2.ListLocationsRequest(name=f"projects/{connection.project}")
        regions = [each.location_id for each in client.list_locations(request=request, **ONCE).locations if each.location_id != "global"]

    def asked(region: str) -> list[T]:
        with translated(f"listing {what} in {region}"):
            return list(listed(region))

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for region, found in zip(regions, pool.map(asked, regions), strict=True):
            for each in found:
                yield region, each


def in_flight(connection: Connection, region: str, endpoint: str) -> list[operations_pb2.Operation]:
    """Operations on an endpoint (by name) that are not done: what a killed run left on its way."""
    return [each for each in operations(connection, region, endpoint) if not each.done]


def operations(connection: Connection, region: str, endpoint: str) -> list[operations_pb2.Operation]:
    """The operations Vertex AI keeps of an endpoint."""
    request = operations_pb2.ListOperationsRequest(name=f"{parent(connection, region)}/endpoints/{endpoint}")
    with translated(f"listing the operations on {endpoint}"):
        return list(endpoints(connection, region).list_operations(request=request, **ONCE).operations)


def finish(connection: Connection, region: str, operation: operations_pb2.Operation, doing: str) -> operations_pb2.Operation:
    """Wait until `operation` is done, telling a deployment's stage as progress; raises the error it ended with.

    After three hours of the cloud's time TransientError: a timeout is not a failure, the next attempt finds it again.
    """
    deadline = connection.clock.now() + LONGEST
    client = endpoints(connection, region)
    while not operation.done:
        if connection.clock.now() > deadline:
            raise TransientError(f"{doing}: operation {operation.name} is still running after {LONGEST}; run again to go on waiting")
        sleep(connection.clock, POLL)
        with translated(f"{doing}: waiting for {operation.name}"):
            operation = client.get_operation(request=operations_pb2.GetOperationRequest(name=operation.name), **ONCE)
        stage = _stage(operation)
        if stage is not None:
            progress.tell(stage, len(STAGES))
    if _failed(operation):
        said = f"{doing}: {operation.error.message} (code {operation.error.code})"
        raise _BY_CODE.get(operation.error.code, QuotaError if "quota" in said.lower() else RefusedError)(said)
    return operation


def ended_at(operation: operations_pb2.Operation) -> datetime | None:
    """When an operation was last changed: of one that is done, its end."""
    for kind in (library().UndeployModelOperationMetadata, library().DeployModelOperationMetadata):
        metadata = kind.pb()()
        if operation.metadata.Unpack(metadata):
            told: datetime = kind.wrap(metadata).generic_metadata.update_time
            return told
    return None


def last_failure(connection: Connection, region: str, endpoint: str) -> tuple[datetime, str] | None:
    """When the newest change of an endpoint ended, and its error; None where it went well, or nothing was changed."""
    ended = [(at, each) for each in operations(connection, region, endpoint) if each.done and (at := ended_at(each)) is not None]
    if not ended:
        return None
    at, newest = max(ended, key=lambda pair: pair[0])
    return (at, f"{newest.error.message} (code {newest.error.code})") if _failed(newest) else None


def undeployed_at(connection: Connection, deployed: DeployedModel, since: datetime) -> datetime | None:
    """The end of the last undeployment on its endpoint after `since`; None where Vertex AI does not tell."""
    region = deployed.scope.partition("/")[2]
    kind = library().UndeployModelOperationMetadata
    ends = []
    for each in operations(connection, region, deployed.endpoint.name):
        end = ended_at(each) if each.done and each.metadata.Is(kind.pb().DESCRIPTOR) and not _failed(each) else None
        if end is not None and end >= since:
            ends.append(end)
    return max(ends, default=None)


def replicas(deployed: DeployedModel, *, end: datetime | None = None, had: int | None = None) -> Iterator[Vm]:
    """The replicas of a live deployed model as the ledger counts them: as VMs, from its deployment on.

    `had`: how many there were before the change just made; the others began, or ended, with that.
    """
    if deployed.billed is None or not deployed.created:
        return
    make = Make(
        group=str(deployed.address),
        tier=deployed.billed.tier,
        zone=deployed.scope.partition("/")[2],
        consumption=deployed.billed.consumption,
        family=deployed.billed.family,
        pod_chips=deployed.billed.pod_chips,
        chips=tpu.BY_MACHINE_TYPE[deployed.machine_type].chips_per_vm,
        disk_gib=0,
    )
    start = datetime.fromisoformat(deployed.created)
    changed = datetime.fromisoformat(deployed.changed) if deployed.changed else start
    had = deployed.running if had is None else had
    for number in range(1, max(had, deployed.running) + 1):
        # The instant is part of the number: undeployed and deployed again, it is another machine.
        yield Vm(
            id=f"{deployed.name}/{int(start.timestamp())}/{number}",
            make=make,
            start=start if number <= had else changed,
            end=changed if number > deployed.running else end,
        )


def _failed(operation: Any) -> bool:
    """Whether it ended in an error; the class ships no types."""
    return bool(operation.HasField("error"))


def _stage(operation: operations_pb2.Operation) -> int | None:
    kind = library().DeployModelOperationMetadata
    metadata = kind.pb()()
    if not operation.metadata.Unpack(metadata):
        return None
    return len(STAGES) if operation.done else STAGES.index(metadata.deployment_stage) if metadata.deployment_stage in STAGES else 0
