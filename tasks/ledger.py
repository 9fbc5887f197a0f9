"""Enter a change of a size (a group's, or whether a development TPU is there) in the ledger: the intent before the call, the outcome after it.

1. Growth whose intent cannot be written is not begun. 2. Shrinking never waits for the ledger: what could not be written is told, and found by the
meter. 3. An outcome that cannot be written is told: the meter finds the VMs in the cloud.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from cloud import audit, tpus, vms
from cloud.connection import Connection
from cloud.journal import Attempt
from ironwood.cost.ledger import LAG, Change, Entry, Make, Vm
from ironwood.errors import CloudError, LedgerError, TransientError
from ironwood.plan import Change as Planned
from ironwood.resources.base import Address
from ironwood.resources.group import Billed, InstanceGroup
from ironwood.resources.queued_tpu import ACTIVE, QueuedTpu

log = logging.getLogger("ironwood.journal")


@dataclass(frozen=True, kw_only=True)
class Sized:
    """A change of how many VMs of `make` there are at `address`; whose it is, and the sink its ledger is behind."""

    address: Address
    owner: str
    billed: Billed
    before: int
    after: int

    @property
    def make(self) -> Make:
        """What its VMs are."""
        billed = self.billed
        return Make(
            group=str(self.address),
            tier=billed.tier,
            zone=self.address.scope.partition("/")[2],
            consumption=billed.consumption,
            family=billed.family,
            pod_chips=billed.pod_chips,
            chips=billed.chips,
            disk_gib=billed.disk_gib,
        )


def sized(change: Planned) -> Sized | None:
    """What `change` does to what bills by its VMs; None where it does nothing, or where no ledger is kept of it."""
    one = change.after or change.before
    if not isinstance(one, InstanceGroup | QueuedTpu) or one.billed is None or (isinstance(one, InstanceGroup) and change.after is None):
        return None
    before, after = _size(change.before), _size(change.after)
    return Sized(address=one.address, owner=one.owner, billed=one.billed, before=before, after=after) if before != after else None


def as_ordered(tpu: QueuedTpu) -> Sized | None:
    """A development TPU as an order of one; None where no ledger is kept of it."""
    return Sized(address=tpu.address, owner=tpu.owner, billed=tpu.billed, before=0, after=1) if tpu.billed else None


@contextmanager
def entered(connection: Connection, attempt: Attempt, change: Planned) -> Iterator[None]:
    """Enter `change` before and after what is done inside, if it is one of a size that bills.

    Raises LedgerError, before anything is done, when the ledger takes no entry and there are to be more VMs.
    """
    of = sized(change)
    if of is None:
        yield
        return
    intent = Change(
        phase="intent",
        at=connection.clock.now(),
        run=attempt.run,
        step=attempt.step,
        attempt=attempt.number,
        make=of.make,
        before=of.before,
        after=of.after,
    )
    try:
        _write(connection, of, intent)
    except CloudError as error:
        if intent.after > intent.before:
            told = f"{of.address} was not grown to {of.after} VMs, because the ledger could not be written: {error}"
            kind = TransientError if isinstance(error, TransientError) else LedgerError
            raise kind(f"{told} Mend that and run again; shrinking and teardown go on without it.") from error
        log.warning("%s: not entered in the ledger, and shrunk all the same: %s", attempt.step, error)
    yield
    try:
        outcome = replace(intent, phase="outcome", at=connection.clock.now(), vms=tuple(_seen(connection, of, intent.at)))
        _write(connection, of, outcome)
    except CloudError as error:
        log.warning("%s: done, and its outcome is not in the ledger; the meter will find it: %s", attempt.step, error)


def write(connection: Connection, *, log_name: str, owner: str, entries: list[Entry]) -> None:
    """Write `entries` to the ledger's log; one that is there already stays one."""
    if entries:
        audit.write(
            connection,
            log=log_name,
            owner=owner,
            entries=[audit.Entry(id=each.id, at=each.at, content=each.content()) for each in entries],
        )


def _write(connection: Connection, of: Sized, entry: Change) -> None:
    write(connection, log_name=f"projects/{connection.project}/logs/{of.billed.ledger.name}", owner=of.owner, entries=[entry])


def _seen(connection: Connection, of: Sized, since: datetime) -> Iterator[Vm]:
    """What the cloud tells of the VMs since the intent: those that began, those that ended. The others the ledger knows, or the meter finds."""
    zone = of.address.scope.partition("/")[2]
    if of.address.kind == QueuedTpu.kind:
        yield from (each for each in tpus.told(connection, zone, of.address.name, of.make) if (each.end or each.start) >= since - LAG)
        return
    ended = vms.told(connection, zones=[zone], head=of.address.name + "-", since=since)
    there = vms.of_group(connection, zone=zone, group=of.address.name)
    for vm in there:
        end = vm.end or ended.ends.get(vm.id)
        if end is not None or vm.start >= since - LAG:
            yield replace(vm, end=end)
    known = {vm.id for vm in there}
    for each in ended.vms.values():
        if each.id not in known and each.start is not None and each.end is not None:
            yield Vm(id=each.id, make=of.make, start=each.start, end=each.end)


def _size(before: object) -> int:
    if isinstance(before, QueuedTpu):
        return int(before.state == ACTIVE)
    return before.size if isinstance(before, InstanceGroup) else 0
