"""The ledger's log: the bucket it is kept in, the sink that routes it there, and what is counted of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class LogBucket(Resource):
    """A log bucket at location `global`. Marked in its description. Deleted, it is kept by Google for 7 days; a create takes that back."""

    kind: ClassVar[str] = "log_bucket"
    marking: ClassVar[Marking] = "description"

    retention_days: int
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class LogSink(Resource):
    """Routes the entries that pass `filter` to `destination`, a log bucket or a dataset. Marked in its description.

    Into a dataset Logging writes with its own account, which needs to be let in: that is the `writer`; None for a bucket.
    """

    kind: ClassVar[str] = "log_sink"
    marking: ClassVar[Marking] = "description"

    destination: Address
    writer: Address | None = None
    filter: str
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class LogMetric(Resource):
    """Counts the entries that pass `filter`, by labels taken from fields (label, field). Marked in its description."""

    kind: ClassVar[str] = "log_metric"
    marking: ClassVar[Marking] = "description"

    filter: str
    labels: tuple[tuple[str, str], ...] = ()
    created: str = observed("")

    @property
    def metric_type(self) -> str:
        """The type of the metric it writes, as Cloud Monitoring knows it."""
        return f"logging.googleapis.com/user/{self.name}"
