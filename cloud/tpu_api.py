"""The Cloud TPU API as we use it: its zones, its operations, and the one type its client lacks.

1. An operation's metadata has a type that no client package ships: over REST its answer cannot even be read. So the type is described here, and
the metadata is read as what it is; the Python future's `.metadata` is never asked for. 2. The API has no list across zones.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from google.cloud import tpu_v2
from google.cloud.location import locations_pb2
from google.longrunning import operations_pb2

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import QUOTA_HELP, translated
from ironwood.errors import CloudError, NotFoundError, PermissionDeniedError, QuotaError, RefusedError, StockoutError, TransientError

SIDE_BY_SIDE = 8
POLL = timedelta(seconds=5)
LONGEST = timedelta(hours=2)
METADATA = "google.cloud.common.OperationMetadata"
CAPACITY = "no more capacity"
"""What the API says where the zone has none left (seen in public issues); its code, 8, is that of a quota too."""
_BY_CODE: dict[int, type[CloudError]] = {
    1: TransientError,
    4: StockoutError,
    5: NotFoundError,
    7: PermissionDeniedError,
    8: QuotaError,
    10: TransientError,
    13: TransientError,
    14: TransientError,
}
T = TypeVar("T")


def _described() -> Any:
    """The class of operations' metadata, described in this process once."""
    # these modules make their classes when imported, so a type checker does not know them
    protos: Any = importlib.import_module("google.protobuf.descriptor_pb2")
    pool: Any = importlib.import_module("google.protobuf.descriptor_pool").Default()
    factory: Any = importlib.import_module("google.protobuf.message_factory")
    importlib.import_module("google.protobuf.timestamp_pb2")
    try:
        found = pool.FindMessageTypeByName(METADATA)
    except KeyError:
        kinds = protos.FieldDescriptorProto
        file = protos.FileDescriptorProto(
            name="google/cloud/common/operation_metadata.proto", package="google.cloud.common", syntax="proto3"
        )
        file.dependency.append("google/protobuf/timestamp.proto")
        message = file.message_type.add(name="OperationMetadata")
        for number, name in enumerate(("create_time", "end_time", "target", "verb", "status_detail", "cancel_requested", "api_version"), 1):
            field = message.field.add(name=name, number=number, label=kinds.LABEL_OPTIONAL, type=kinds.TYPE_STRING)
            if name.endswith("_time"):
                field.type, field.type_name = kinds.TYPE_MESSAGE, ".google.protobuf.Timestamp"
            elif name == "cancel_requested":
                field.type = kinds.TYPE_BOOL
        pool.AddSerializedFile(file.SerializeToString())
        found = pool.FindMessageTypeByName(METADATA)
    return factory.GetMessageClass(found)


_METADATA = _described()


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an operation tells: `verb` on `target` (`nodes/NAME`), from when, until when; `end` None while it runs or where it failed."""

    target: str
    verb: str
    start: datetime
    end: datetime | None


def client(connection: Connection) -> tpu_v2.TpuClient:
    """The API's client."""
    return connection.client(tpu_v2.TpuClient)


def parent(connection: Connection, zone: str) -> str:
    """`projects/P/locations/ZONE`."""
    return f"projects/{connection.project}/locations/{zone}"


def in_zones(
    connection: Connection, listing: Callable[[str], Iterable[T]], zones: Iterable[str] | None = None
) -> Iterator[tuple[str, list[T]]]:
    """What `listing` finds below each parent, by zone, of all zones there are or of those given."""
    named = sorted(zones) if zones is not None else _zones(connection)

    def listed(zone: str) -> list[T]:
        with translated(f"listing TPUs in {zone}"):
            return list(listing(parent(connection, zone)))

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield from zip(named, pool.map(listed, named), strict=True)


def _zones(connection: Connection) -> list[str]:
    request = locations_pb2.ListLocationsRequest(name=f"projects/{connection.project}")
    found: list[str] = []
    with translated("listing where TPUs can be"):
        while True:
            answer = client(connection).list_locations(request=request, **ONCE)
            found += [each.location_id for each in answer.locations]
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token


def finish(connection: Connection, operation: Any, doing: str) -> None:
    """Wait until an operation is done; raises the error it ended with, TransientError after two hours of the cloud's time."""
    name, deadline = operation.name, connection.clock.now() + LONGEST
    while not operation.done:
        if connection.clock.now() > deadline:
            raise TransientError(f"{doing}: operation {name} is still running after {LONGEST}; run again to go on waiting")
        sleep(connection.clock, POLL)
        with translated(f"{doing}: waiting for operation {name}"):
            operation = client(connection).get_operation(operations_pb2.GetOperationRequest(name=name), **ONCE)
    if operation.HasField("error"):
        raise error_of(doing, operation.error)


def error_of(doing: str, status: Any) -> CloudError:
    """The error a status of the API stands for."""
    kind = StockoutError if CAPACITY in status.message else _BY_CODE.get(status.code, RefusedError)
    return kind(f"{doing}: {status.message} (code {status.code}){f' {QUOTA_HELP}' if kind is QuotaError else ''}")


def operations(connection: Connection, zone: str) -> list[Told]:
    """What the operations of a zone tell."""
    request = operations_pb2.ListOperationsRequest(name=parent(connection, zone))
    found: list[Told] = []
    with translated(f"listing operations on TPUs in {zone}"):
        while True:
            answer = client(connection).list_operations(request=request, **ONCE)
            found += [told for each in answer.operations for told in _read(each)]
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token


def _read(operation: Any) -> Iterator[Told]:
    metadata = _METADATA()
    if operation.metadata.Unpack(metadata):
        ended = operation.done and not operation.HasField("error") and metadata.HasField("end_time")
        yield Told(
            target="/".join(metadata.target.split("/")[-2:]),
            verb=metadata.verb,
            start=_instant(metadata.create_time),
            end=_instant(metadata.end_time) if ended else None,
        )


def _instant(stamp: Any) -> datetime:
    found: datetime = stamp.ToDatetime(tzinfo=UTC)
    return found
