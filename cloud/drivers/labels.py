"""Kinds whose labels have a call of their own, guarded by the label fingerprint.

Labels sent with an insert may be ignored (documented: "can only be added or modified by the setLabels method"), so the
marker also stands in the description, which an insert does keep: a run killed between the two calls leaves nothing unmarked.
"""

from __future__ import annotations

from typing import Any, TypeVar

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers.base import ONCE, ComputeDriver
from cloud.journal import Attempt
from ironwood.resources.cache import PeeringRange
from ironwood.resources.load_balancer import ForwardingRule
from ironwood.resources.network import GlobalAddress

L = TypeVar("L", bound=GlobalAddress | ForwardingRule | PeeringRange)


class LabelledDriver(ComputeDriver[L]):
    """A global kind whose labels are set by `setLabels`."""

    def create(self, connection: Connection, attempt: Attempt, after: L) -> None:
        """Insert it, then set its labels where the insert did not."""
        super().create(connection, attempt, after)
        self._label(connection, attempt, self.live(connection, after), after)

    def accepts(self, found: L, after: L) -> bool:
        """Labels are set in the second call, whoever made the first."""
        return found.owner == after.owner and not found.differences(after).keys() - {"labels"}

    def update(self, connection: Connection, attempt: Attempt, before: L, after: L) -> None:
        """Set the labels."""
        self._label(connection, attempt, before, after)

    def _label(self, connection: Connection, attempt: Attempt, before: L, after: L) -> None:
        if before.labels == after.labels:
            return
        client: Any = connection.client(self.client)
        body = compute_v1.GlobalSetLabelsRequest(
            labels=dict(after.labels), label_fingerprint=self.read(connection, after).label_fingerprint
        )
        request = {"project": connection.project, "resource": after.name, "global_set_labels_request_resource": body}
        # This call takes no request id; the fingerprint makes a repetition harmless.
        self.write(connection, attempt, f"labelling {after.address}", lambda _: client.set_labels_unary(request=request, **ONCE))
