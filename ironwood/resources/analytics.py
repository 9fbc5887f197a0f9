"""Performance analytics: a BigQuery dataset, a table in it, and who of Google's own accounts writes there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class Dataset(Resource):
    """A BigQuery dataset. Marked in its labels. Deleting it deletes what is in it. `size_bytes` is of all its tables, where it is ours."""

    kind: ClassVar[str] = "dataset"
    marking: ClassVar[Marking] = "labels"
    immutable: ClassVar[frozenset[str]] = frozenset({"location"})

    location: str
    labels: tuple[tuple[str, str], ...]
    size_bytes: int = observed(0)
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table, by the legacy names of BigQuery's types."""

    name: str
    type: str
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Table(Resource):
    """A table, `name` is DATASET.TABLE. Marked in its labels; looked for in datasets that are marked. What others put beside it is content of the dataset.

    Partitioned by day on `partitioned_by`, kept for `retention_days`, clustered by `clustered_by`.
    """

    kind: ClassVar[str] = "table"
    marking: ClassVar[Marking] = "labels"
    immutable: ClassVar[frozenset[str]] = frozenset({"dataset", "partitioned_by"})

    dataset: Address
    labels: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    partitioned_by: str
    clustered_by: tuple[str, ...]
    retention_days: int
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class DatasetWriter(Resource):
    """That Google's account of `service` ("pubsub") may write in `dataset`: an entry of the dataset's access list.

    It has no room for a marker: it is ours if the dataset is.
    """

    kind: ClassVar[str] = "dataset_writer"
    marking: ClassVar[Marking] = "member"
    immutable: ClassVar[frozenset[str]] = frozenset({"dataset", "service"})

    owner: str = field(default="", compare=False)
    dataset: Address
    service: str
    member: str = observed("")
