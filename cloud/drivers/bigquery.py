"""Drivers of BigQuery: datasets, tables, and who of Google's own accounts writes in a dataset.

1. A dataset's access list is one field: it is read, changed and written back whole under the dataset's etag; who was slower reads again.
2. Tables are looked for in datasets that bear a marker, and known by their own. google-cloud-bigquery ships few types: what it gives is Any here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

from google.cloud import bigquery

from cloud import facts
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE
from cloud.drivers.named import NamedDriver
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood import naming
from ironwood.errors import ConflictError, NotFoundError
from ironwood.resources.analytics import Column, Dataset, DatasetWriter, Table
from ironwood.resources.base import GLOBAL, Address

DAY_MS = 86_400_000
TRIES = 10
_AGENT = re.compile(r"service-\d+@gcp-sa-([a-z]+)\.iam\.gserviceaccount\.com")
_WRITERS = ("WRITER", "roles/bigquery.dataEditor")


def dataset_address(name: str) -> Address:
    """Our address of a dataset."""
    return Address(kind=Dataset.kind, scope=GLOBAL, name=name)


def table_address(path: str) -> Address:
    """Our address of the table PROJECT.DATASET.TABLE."""
    return Address(kind=Table.kind, scope=GLOBAL, name=path.partition(".")[2])


def writer_address(dataset: str, service: str) -> Address:
    """Our address of a service's right to write in a dataset."""
    return Address(kind=DatasetWriter.kind, scope=GLOBAL, name=naming.dataset_writer(dataset, service))


def _client(connection: Connection) -> Any:
    return connection.client(bigquery.Client)


def _marked(connection: Connection) -> Iterator[Any]:
    """Every dataset that bears a marker, whosever."""
    for each in _client(connection).list_datasets(**ONCE):
        if marker.owner_in_labels(each.labels):
            yield each


def _datasets(connection: Connection) -> Iterator[Dataset]:
    client = _client(connection)
    for each in client.list_datasets(**ONCE):
        owner = marker.owner_in_labels(each.labels)
        if not owner:
            yield Dataset(name=each.dataset_id, location="", labels=tuple(sorted(each.labels.items())))
            continue
        try:
            found = client.get_dataset(each.reference, **ONCE)
            tables = [client.get_table(table.reference, **ONCE) for table in client.list_tables(each.reference, **ONCE)]
        except NotFoundError:  # deleted meanwhile
            continue
        yield Dataset(
            name=found.dataset_id,
            owner=owner,
            location=found.location,
            labels=tuple(sorted(found.labels.items())),
            size_bytes=sum(table.num_bytes or 0 for table in tables),
            created=found.created.isoformat(),
        )


def _filled(connection: Connection, after: Dataset) -> Any:
    message: Any = bigquery.Dataset(f"{connection.project}.{after.name}")
    message.location = after.location
    message.labels = dict(after.labels)
    return message


def _make_dataset(connection: Connection, after: Dataset) -> None:
    _client(connection).create_dataset(_filled(connection, after), **ONCE)


def _change_dataset(connection: Connection, before: Dataset, after: Dataset) -> None:
    client = _client(connection)
    live = client.get_dataset(f"{connection.project}.{after.name}", **ONCE)
    live.labels = _labels(before, after)
    client.update_dataset(live, ["labels"], **ONCE)


def _remove_dataset(connection: Connection, before: Dataset) -> None:
    _client(connection).delete_dataset(f"{connection.project}.{before.name}", delete_contents=True, **ONCE)


def _tables(connection: Connection) -> Iterator[Table]:
    client = _client(connection)
    for dataset in _marked(connection):
        for each in client.list_tables(dataset.reference, **ONCE):
            owner = marker.owner_in_labels(each.labels)
            if owner:
                yield _table_of(client.get_table(each.reference, **ONCE), owner)


def _table_of(found: Any, owner: str) -> Table:
    partitioning = found.time_partitioning
    return Table(
        name=f"{found.dataset_id}.{found.table_id}",
        owner=owner,
        dataset=dataset_address(found.dataset_id),
        labels=tuple(sorted(found.labels.items())),
        columns=tuple(Column(name=each.name, type=each.field_type, required=each.mode == "REQUIRED") for each in found.schema),
        partitioned_by=(partitioning.field or "") if partitioning else "",
        clustered_by=tuple(found.clustering_fields or ()),
        retention_days=int(partitioning.expiration_ms or 0) // DAY_MS if partitioning else 0,
        created=found.created.isoformat(),
    )


def _shaped(message: Any, after: Table) -> Any:
    message.labels = dict(after.labels)
    message.schema = [
        bigquery.SchemaField(each.name, each.type, mode="REQUIRED" if each.required else "NULLABLE") for each in after.columns
    ]
    partitioning: Any = bigquery.TimePartitioning
    message.time_partitioning = partitioning(field=after.partitioned_by, expiration_ms=after.retention_days * DAY_MS)
    message.clustering_fields = list(after.clustered_by)
    return message


def _make_table(connection: Connection, after: Table) -> None:
    blank: Any = bigquery.Table(f"{connection.project}.{after.name}")
    _client(connection).create_table(_shaped(blank, after), **ONCE)


def _labels(before: Dataset | Table, after: Dataset | Table) -> dict[str, str | None]:
    """What a patch has to say so that the labels are those of `after`: None takes one away (documented), one not named stays."""
    return {**dict.fromkeys(key for key, _ in before.labels), **dict(after.labels)}


def _change_table(connection: Connection, before: Table, after: Table) -> None:
    client = _client(connection)
    live = _shaped(client.get_table(f"{connection.project}.{after.name}", **ONCE), after)
    live.labels = _labels(before, after)
    client.update_table(live, ["labels", "schema", "time_partitioning", "clustering_fields"], **ONCE)


def _remove_table(connection: Connection, before: Table) -> None:
    _client(connection).delete_table(f"{connection.project}.{before.name}", **ONCE)


class DatasetWriterDriver:
    """Entries of the access lists of datasets that bear a marker, for accounts of Google's own services."""

    resource = DatasetWriter

    def __init__(self) -> None:
        """Writers of one process take turns."""
        self._turn = Lock()

    def observe(self, connection: Connection) -> Iterator[DatasetWriter]:
        """Every service that may write."""
        with translated("listing dataset_writer"):
            for each in _marked(connection):
                found = _client(connection).get_dataset(each.reference, **ONCE)
                for entry in found.access_entries:
                    match = _AGENT.fullmatch(str(entry.entity_id))
                    if match and entry.role in _WRITERS:
                        service = match[1]
                        yield DatasetWriter(
                            name=naming.dataset_writer(each.dataset_id, service),
                            owner=marker.owner_in_labels(each.labels),
                            dataset=dataset_address(each.dataset_id),
                            service=service,
                            member=str(entry.entity_id),
                        )

    def create(self, connection: Connection, attempt: Attempt, after: DatasetWriter) -> None:
        """Add the service's account to the dataset's access list."""
        email = f"service-{facts.project_number(connection)}@gcp-sa-{after.service}.iam.gserviceaccount.com"
        entry: Any = bigquery.AccessEntry("WRITER", "userByEmail", email)

        def add(entries: list[Any]) -> list[Any]:
            there = any(each.entity_id == email and each.role in _WRITERS for each in entries)
            return entries if there else [*entries, entry]

        self._change(connection, attempt, f"creating {after.address}", after.dataset.name, add)

    def update(self, connection: Connection, attempt: Attempt, before: DatasetWriter, after: DatasetWriter) -> None:
        """Nothing of it can differ but what makes it another one."""

    def delete(self, connection: Connection, attempt: Attempt, before: DatasetWriter) -> None:
        """Take the account out of the list; that the dataset is gone already is success."""

        def remove(entries: list[Any]) -> list[Any]:
            return [each for each in entries if each.entity_id != before.member]

        try:
            self._change(connection, attempt, f"deleting {before.address}", before.dataset.name, remove)
        except NotFoundError:
            return

    def _change(self, connection: Connection, attempt: Attempt, doing: str, dataset: str, change: Callable[[list[Any]], list[Any]]) -> None:
        client = _client(connection)
        with self._turn:
            for number in range(1, TRIES + 1):
                with translated(doing):
                    live = client.get_dataset(f"{connection.project}.{dataset}", **ONCE)
                wanted = change(list(live.access_entries))
                if wanted == list(live.access_entries):
                    return
                live.access_entries = wanted
                try:
                    with attempt.write(doing), translated(doing):
                        client.update_dataset(live, ["access_entries"], **ONCE)
                except ConflictError:
                    if number == TRIES:
                        raise
                else:
                    return


DATASET = NamedDriver(resource=Dataset, listing=_datasets, make=_make_dataset, change=_change_dataset, remove=_remove_dataset)
TABLE = NamedDriver(resource=Table, listing=_tables, make=_make_table, change=_change_table, remove=_remove_table)
DATASET_WRITER = DatasetWriterDriver()
