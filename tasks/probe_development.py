"""Do development TPUs serve? Asked from inside the network, where alone they can be reached.

1. Each VM asks its own model server every half minute and writes what it heard to its guest attributes, with the time; the Cloud TPU API reads them. 2. What
is older than three minutes counts for nothing: a VM that hangs tells nothing new. 3. Worker 0 has to serve; the others of a larger slice have
to be alive.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cloud import tpu_api
from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from ironwood import tpu_v5e
from ironwood.desired.development import KEY, NAMESPACE
from ironwood.errors import NotFoundError, RefusedError
from ironwood.graph import Graph
from ironwood.resources.queued_tpu import ACTIVE, QueuedTpu
from tasks.finding import Finding

FRESH = timedelta(minutes=3)
WITHIN = timedelta(minutes=30)
"""How long a VM that is there may take until its server answers: pulling the image, loading the model."""
POLL = timedelta(seconds=15)
OK = "200"


def findings(connection: Connection, live: Graph, wanted: Graph) -> Iterator[Finding]:
    """One for each development TPU of `wanted` that is live."""
    for each in live:
        if isinstance(each, QueuedTpu) and each.address in wanted:
            yield _serves(connection, each)


def _serves(connection: Connection, tpu: QueuedTpu) -> Finding:
    check = f"development TPU {tpu.name}"
    if tpu.state != ACTIVE:
        return Finding(check=check, passed=False, found=f"is {tpu.state}")
    deadline = connection.clock.now() + WITHIN
    while True:
        told = _told(connection, tpu)
        passed = _well(told, tpu, connection.clock.now())
        if passed or connection.clock.now() > deadline:
            return Finding(check=check, passed=passed, found=_shown(told, tpu))
        sleep(connection.clock, POLL)


def _told(connection: Connection, tpu: QueuedTpu) -> list[tuple[str, str, datetime]]:
    """What each worker wrote last: status of readiness, status of a prediction, when. Nothing of one that has not written yet."""
    name = f"{tpu_api.parent(connection, tpu.scope.partition('/')[2])}/nodes/{tpu.name}"
    request = {"name": name, "query_path": f"{NAMESPACE}/{KEY}"}
    try:
        with translated(f"reading what {tpu.name} says of itself"):
            workers = tpu_api.client(connection).get_guest_attributes(request=request, **ONCE).guest_attributes
    except (NotFoundError, RefusedError):
        return []
    values = [item.value.split() for worker in workers for item in worker.query_value.items if item.key == KEY]
    return [(value[0], value[1], datetime.fromtimestamp(int(value[2]), UTC)) for value in values if len(value) == 3 and value[2].isdigit()]


def _well(told: list[tuple[str, str, datetime]], tpu: QueuedTpu, now: datetime) -> bool:
    fresh = len(told) == tpu_v5e.SLICES[tpu.accelerator_type].vms and all(now - at < FRESH for _, _, at in told)
    return fresh and told[0][:2] == (OK, OK)


def _shown(told: list[tuple[str, str, datetime]], tpu: QueuedTpu) -> str:
    vms = tpu_v5e.SLICES[tpu.accelerator_type].vms
    if not told:
        return f"none of its {vms} VMs has said anything"
    ready, served, at = told[0]
    return f"{len(told)} of {vms} VMs say; worker 0 by itself: readiness {ready}, prediction {served} at {at:%H:%M:%S} UTC"
