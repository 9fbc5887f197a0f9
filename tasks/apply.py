"""Apply one change: the task behind every node of a run's graph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from prefect import get_run_logger
from prefect.context import TaskRunContext

from cloud.connection import Connection
from cloud.drivers.instance_group import INSTANCE_GROUP
from cloud.drivers.registry import DRIVERS
from cloud.journal import Attempt
from cloud.progress import listening
from ironwood.plan import Change
from ironwood.resources.group import InstanceGroup
from ironwood.resources.vertex import DeployedModel
from tasks.heeding import Heed
from tasks.ledger import entered
from tasks.ledger_deployed import entered_deployed
from tasks.progress import Bar
from tasks.retries import google_task


@dataclass(frozen=True, kw_only=True)
class Done:
    """A finished step and the cloud's time it took."""

    step: str
    took: timedelta


@google_task(name="apply", run_name="{change.action} {change.address.kind} {change.address.name}")
def apply_change(connection: Connection, change: Change, run: UUID, heed: Heed | None = None) -> Done:
    """Carry out `change` and return when the cloud has finished it; raises BudgetError where growth gives way to the budget `heed` looks at."""
    logger = get_run_logger()
    context = TaskRunContext.get()
    attempt = Attempt(run=run, step=change.step, number=context.task_run.run_count if context else 1)
    driver = DRIVERS[change.address.kind]
    clock = connection.clock
    with clock.participating(change.step):
        began = clock.now()
        logger.info("%s: %s", change.step, change.reason)
        counted = "stages passed" if change.address.kind == DeployedModel.kind else "VMs ready"
        bar = Bar(change.address.name, f"{change.action} {change.address.kind} {change.address.name}, {counted}")
        entering = entered_deployed if change.address.kind == DeployedModel.kind else entered
        heard = heed.listener(connection, change) if heed is not None else None
        with entering(connection, attempt, change), listening(bar.told, *([heard] if heard else [])):
            if change.action == "create":
                driver.create(connection, attempt, change.after)
            elif change.action == "update":
                driver.update(connection, attempt, change.before, change.after)
            else:
                driver.delete(connection, attempt, change.before)
        return Done(step=change.step, took=clock.now() - began)


@google_task(name="abandon order", run_name="give up the order of {group.name}")
def abandon_order(connection: Connection, group: InstanceGroup, run: UUID) -> int:
    """Cancel what `group` was ordered and has not got, and read it back; answers how many VMs it has."""
    context = TaskRunContext.get()
    attempt = Attempt(run=run, step=f"abandon {group.address}", number=context.task_run.run_count if context else 1)
    with connection.clock.participating(attempt.step):
        return INSTANCE_GROUP.abandon(connection, attempt, group)
