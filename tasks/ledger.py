"""Enter a change of a group's size in the ledger: the intent before the call, the outcome after it.

1. Growth whose intent cannot be written is not begun. 2. Shrinking never waits for the ledger: what could not be written is told, and found by the
meter. 3. An outcome that cannot be written is told: the meter finds the VMs in the cloud.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from cloud import audit, vms
from cloud.connection import Connection
from cloud.journal import Attempt
from ironwood.cost.ledger import LAG, Change, Entry, Make, Vm
from ironwood.errors import CloudError, LedgerError, TransientError
from ironwood.plan import Change as Planned
from ironwood.resources.group import Billed, InstanceGroup

log = logging.getLogger("ironwood.journal")


@contextmanager
def entered(connection: Connection, attempt: Attempt, change: Planned) -> Iterator[None]:
    """Enter `change` before and after what is done inside, if it is one of a size that bills.

    Raises LedgerError, before anything is done, when the ledger takes no entry and the group is to grow.
    """
    group = change.after if isinstance(change.after, InstanceGroup) else None
    if group is None or group.billed is None or _size(change.before) == group.size:
        yield
        return
    intent = Change(
        phase="intent",
        at=connection.clock.now(),
        run=attempt.run,
        step=attempt.step,
        attempt=attempt.number,
        make=_make(group, group.billed),
        before=_size(change.before),
        after=group.size,
    )
    try:
        _write(connection, group, group.billed, intent)
    except CloudError as error:
        if intent.after > intent.before:
            told = f"{group.address} was not grown to {group.size} VMs, because the ledger could not be written: {error}"
            kind = TransientError if isinstance(error, TransientError) else LedgerError
            raise kind(f"{told} Mend that and run again; shrinking and teardown go on without it.") from error
        log.warning("%s: not entered in the ledger, and shrunk all the same: %s", attempt.step, error)
    yield
    try:
        outcome = replace(intent, phase="outcome", at=connection.clock.now(), vms=tuple(_seen(connection, group, intent.at)))
        _write(connection, group, group.billed, outcome)
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


def _write(connection: Connection, group: InstanceGroup, billed: Billed, entry: Change) -> None:
    write(connection, log_name=f"projects/{connection.project}/logs/{billed.ledger.name}", owner=group.owner, entries=[entry])


def _seen(connection: Connection, group: InstanceGroup, since: datetime) -> Iterator[Vm]:
    """What the cloud tells of the group's VMs since the intent: those that began, those that ended. The others the ledger knows, or the meter finds."""
    zone = group.scope.partition("/")[2]
    assert group.billed is not None
    ended = vms.told(connection, zones=[zone], head=group.base_instance_name + "-", since=since)
    there = vms.of_group(connection, zone=zone, group=group.base_instance_name)
    for vm in there:
        end = vm.end or ended.ends.get(vm.id)
        if end is not None or vm.start >= since - LAG:
            yield replace(vm, end=end)
    known = {vm.id for vm in there}
    for each in ended.vms.values():
        if each.id not in known and each.start is not None and each.end is not None:
            yield Vm(id=each.id, make=_make(group, group.billed), start=each.start, end=each.end)


def _make(group: InstanceGroup, billed: Billed) -> Make:
    return Make(
        group=str(group.address),
        tier=billed.tier,
        zone=group.scope.partition("/")[2],
        consumption=billed.consumption,
        family=billed.family,
        pod_chips=billed.pod_chips,
        chips=billed.chips,
        disk_gib=billed.disk_gib,
    )


def _size(before: object) -> int:
    return before.size if isinstance(before, InstanceGroup) else 0
