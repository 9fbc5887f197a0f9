"""What watches the spending: a budget at Google, the topic it publishes on, the inbox that keeps what it said."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class Topic(Resource):
    """A Pub/Sub topic. Marked in its labels."""

    kind: ClassVar[str] = "topic"
    marking: ClassVar[Marking] = "labels"

    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Subscription(Resource):
    """A subscription. Marked in its labels. Messages nobody takes are kept for `retention_seconds`.

    With a `table` (and the `writer` that lets Pub/Sub write there) it writes messages into that by column; `state` tells whether it can.
    """

    kind: ClassVar[str] = "subscription"
    marking: ClassVar[Marking] = "labels"
    immutable: ClassVar[frozenset[str]] = frozenset({"topic", "table", "writer"})

    topic: Address
    labels: tuple[tuple[str, str], ...]
    ack_deadline_seconds: int = 60
    retention_seconds: int = 604_800
    table: Address | None = None
    writer: Address | None = None
    state: str = observed("")


@dataclass(frozen=True, kw_only=True)
class Budget(Resource):
    """A budget of the billing account in its scope, for `projects` only. It notifies and never caps.

    Google gives it its id (`server_name`); its display name holds our name and the marker. Of several with one display name the first by id
    keeps the name (a budget tells no creation time), the others are listed under their ids and deleted.
    """

    kind: ClassVar[str] = "budget"
    marking: ClassVar[Marking] = "display_name"

    amount_usd: Decimal
    thresholds: tuple[float, ...]
    projects: tuple[str, ...]
    topic: Address
    server_name: str = observed("")
