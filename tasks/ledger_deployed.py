"""Enter in the ledger what is deployed at Vertex AI: each replica is a machine that bills, from its deployment to its undeployment.

The laws are those of `tasks/ledger.py`: no growth without its intent, no shrinking waits for the ledger.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from cloud import vertex
from cloud.connection import Connection
from cloud.drivers.vertex import DEPLOYED_MODEL
from cloud.journal import Attempt
from ironwood.cost.ledger import Change, Make, Vm
from ironwood.errors import CloudError, LedgerError, TransientError
from ironwood.plan import Change as Planned
from ironwood.resources.vertex import DeployedModel
from tasks.ledger import write

log = logging.getLogger("ironwood.journal")


@contextmanager
def entered_deployed(connection: Connection, attempt: Attempt, change: Planned) -> Iterator[None]:
    """Enter `change` of a deployed model before and after what is done inside.

    Raises LedgerError, before anything is done, when the ledger takes no entry and there are to be more replicas.
    """
    before = change.before if isinstance(change.before, DeployedModel) else None
    after = change.after if isinstance(change.after, DeployedModel) else None
    one = after or before
    if one is None or one.billed is None:
        yield
        return
    has, wanted = before.running if before else 0, after.min_replicas if after else 0
    at, billed = connection.clock.now(), one.billed
    make = Make(
        group=str(one.address),
        tier=billed.tier,
        zone=one.scope.partition("/")[2],
        consumption=billed.consumption,
        family=billed.family,
        pod_chips=billed.pod_chips,
        chips=billed.chips,
        disk_gib=billed.disk_gib,
    )
    intent = Change(phase="intent", at=at, run=attempt.run, step=attempt.step, attempt=attempt.number, make=make, before=has, after=wanted)
    name = f"projects/{connection.project}/logs/{billed.ledger.name}"
    try:
        write(connection, log_name=name, owner=one.owner, entries=[intent])
    except CloudError as error:
        if wanted > has:
            told = f"{one.address} was not deployed with {wanted} replicas, because the ledger could not be written: {error}"
            kind = TransientError if isinstance(error, TransientError) else LedgerError
            raise kind(f"{told} Mend that and run again; shrinking and teardown go on without it.") from error
        log.warning("%s: not entered in the ledger, and shrunk all the same: %s", attempt.step, error)
    yield
    try:
        held = tuple(_seen(connection, one, has) if after else _gone(connection, one, intent))
        outcome = replace(intent, phase="outcome", at=connection.clock.now(), vms=held)
        write(connection, log_name=name, owner=one.owner, entries=[outcome])
    except CloudError as error:
        log.warning("%s: done, and its outcome is not in the ledger; the meter will find it: %s", attempt.step, error)


def _seen(connection: Connection, one: DeployedModel, has: int) -> Iterator[Vm]:
    """The replicas that run now, and those that do no more, of `has` before."""
    for live in DEPLOYED_MODEL.observe(connection):
        if live.address == one.address:
            yield from vertex.replicas(replace(live, billed=one.billed, tier=one.tier), had=has or None)


def _gone(connection: Connection, one: DeployedModel, intent: Change) -> Iterator[Vm]:
    """The replicas that ran, until their undeployment ended."""
    end = vertex.undeployed_at(connection, one, intent.at)
    if end is not None:
        yield from vertex.replicas(one, end=end)
