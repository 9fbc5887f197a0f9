"""Driver of budgets: server-named, so found by the marker in their display names before every create.

The account is the one the project is billed to. Who may not list its budgets is told so (HiddenError), not shown an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from google.cloud.billing import budgets_v1
from google.type import money_pb2

from cloud import facts
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE
from cloud.drivers.pubsub import topic_address, topic_path
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood import naming
from ironwood.errors import HiddenError, NotFoundError, PermissionDeniedError
from ironwood.resources.budget import Budget

NANO = Decimal(10) ** -9
MASK = ["amount", "threshold_rules", "budget_filter", "notifications_rule", "display_name"]


class BudgetDriver:
    """Budgets of the project's billing account."""

    resource = Budget

    def observe(self, connection: Connection) -> Iterator[Budget]:
        """List them; of several with one display name only the first bears the name it holds."""
        try:
            account = facts.billing_account(connection)
            found = self._list(connection, account) if account else []
        except PermissionDeniedError as error:
            raise HiddenError(str(error)) from error
        named: set[str] = set()
        for budget in sorted(found, key=lambda each: each.server_name):
            yield replace(budget, name=budget.server_name.rpartition("/")[2]) if budget.name in named else budget
            named.add(budget.name)

    def create(self, connection: Connection, attempt: Attempt, after: Budget) -> None:
        """Make it, unless a lost answer hid that it is there: then bring that one into shape."""
        client = connection.client(budgets_v1.BudgetServiceClient)
        before = next((each for each in self.observe(connection) if each.address == after.address and each.owner == after.owner), None)
        if before is not None:
            self.update(connection, attempt, before, after)
            return
        request = budgets_v1.CreateBudgetRequest(parent=after.scope, budget=_encode(connection, after))
        doing = f"creating {after.address}"
        with attempt.write(doing), translated(doing):
            client.create_budget(request=request, **ONCE)

    def update(self, connection: Connection, attempt: Attempt, before: Budget, after: Budget) -> None:
        """Patch what we set."""
        if not before.differences(after):
            return
        budget = _encode(connection, after)
        budget.name = before.server_name
        request = budgets_v1.UpdateBudgetRequest(budget=budget, update_mask={"paths": MASK})
        doing = f"updating {after.address}"
        with attempt.write(doing), translated(doing):
            connection.client(budgets_v1.BudgetServiceClient).update_budget(request=request, **ONCE)

    def delete(self, connection: Connection, attempt: Attempt, before: Budget) -> None:
        """Delete it."""
        client = connection.client(budgets_v1.BudgetServiceClient)
        doing = f"deleting {before.address}"
        try:
            with attempt.write(doing), translated(doing):
                client.delete_budget(name=before.server_name, **ONCE)
        except NotFoundError:
            return

    def _list(self, connection: Connection, account: str) -> list[Budget]:
        client = connection.client(budgets_v1.BudgetServiceClient)
        with translated("listing budget"):
            found = list(client.list_budgets(parent=f"billingAccounts/{account}", **ONCE))
        number = facts.project_number(connection) if found else ""
        return [_read(each, connection.project, number) for each in found]


def _encode(connection: Connection, after: Budget) -> budgets_v1.Budget:
    units = int(after.amount_usd)
    return budgets_v1.Budget(
        display_name=naming.display_name(after.name, after.owner),
        amount=budgets_v1.BudgetAmount(
            specified_amount=money_pb2.Money(currency_code="USD", units=units, nanos=int((after.amount_usd - units) / NANO))
        ),
        budget_filter=budgets_v1.Filter(
            projects=[f"projects/{project}" for project in after.projects], calendar_period=budgets_v1.CalendarPeriod.MONTH
        ),
        threshold_rules=[budgets_v1.ThresholdRule(threshold_percent=each) for each in after.thresholds],
        notifications_rule=budgets_v1.NotificationsRule(pubsub_topic=topic_path(connection.project, after.topic), schema_version="1.0"),
    )


def _read(found: budgets_v1.Budget, project: str, number: str) -> Budget:
    money = found.amount.specified_amount
    projects = (each.partition("/")[2] for each in found.budget_filter.projects)
    return Budget(
        name=re.sub(r" \(.*\)$", "", found.display_name) or found.name.rpartition("/")[2],
        scope=found.name.partition("/budgets/")[0],
        owner=marker.owner_in_text(found.display_name),
        amount_usd=Decimal(money.units) + money.nanos * NANO,
        thresholds=tuple(rule.threshold_percent for rule in found.threshold_rules),
        projects=tuple(project if each == number else each for each in projects),
        topic=topic_address(found.notifications_rule.pubsub_topic),
        server_name=found.name,
    )


BUDGET = BudgetDriver()
