"""What a budget says: a message on its topic at regular intervals, by the emulator's own bill.

1. Every budget with a topic is looked at at regular intervals; each look is a message with the spending so far, whatever the thresholds [documented].
2. The period is the calendar month (quarter, year) in Pacific time, or the custom one. 3. Billing data lags: what was used within the lag is not
counted yet.
"""

from __future__ import annotations

import base64
import datetime
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from emulator.rules import assumed, documented
from emulator.services.billingbudgets.budgets import TAB
from emulator.services.pubsub.topics import publish_within
from emulator.times import parse, to_datetime

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
PACIFIC = ZoneInfo("America/Los_Angeles")
MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
documented(
    "budget-message",
    "A budget's message holds budgetDisplayName, costAmount, costIntervalStart, budgetAmount, budgetAmountType, currencyCode and, once passed, alertThresholdExceeded.",
)
documented(
    "budget-period", "Budget periods begin at midnight Pacific time; messages come at regular intervals, not when a threshold is passed."
)
assumed("budget-interval", "A budget publishes every 30 minutes (duration budget.evaluate).")
assumed("budget-lag", "Spending is seen six hours late (duration budget.lag); Google says hours, up to a day.")
assumed("budget-forecast", "Thresholds on forecasted spend are kept and never exceeded; credits, labels and services filter nothing.")


class Notices:
    """The budgets' agenda."""

    def __init__(self, world: World) -> None:
        self._world = world

    def next_due(self) -> int | None:
        """When a budget is looked at next."""
        return min((row["next"] for _, row in self._world.store.items(TAB)), default=None)

    def settle(self, now: int) -> None:
        """Look at the budgets that are due."""
        for name, row in self._world.store.items(TAB):
            if row["next"] <= now:
                step = max(1, self._world.durations.of("budget.evaluate"))
                self._world.store.put(TAB, name, {**row, "next": row["next"] + step})
                self._publish(row, now)

    def _publish(self, row: Json, now: int) -> None:
        world, budget = self._world, row["budget"]
        topic = budget.get("notificationsRule", {}).get("pubsubTopic")
        if not topic:
            return
        start = _period_start(budget["budgetFilter"], now)
        seen = max(start, now - world.durations.of("budget.lag"))
        cost = Decimal(world.meter.bill(now, since=start, until=seen)["total_usd"]) if seen > start else Decimal(0)
        given = budget["amount"].get("specifiedAmount", {})
        amount = Decimal(given.get("units", 0)) + Decimal(given.get("nanos", 0)) / 10**9
        message: Json = {
            "budgetDisplayName": budget.get("displayName", ""),
            "costAmount": float(round(cost, 2)),
            "costIntervalStart": to_datetime(start).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "budgetAmount": float(amount),
            "budgetAmountType": "SPECIFIED_AMOUNT" if given else "LAST_MONTH_COST",
            "currencyCode": "USD",
        }
        rules = [each for each in budget.get("thresholdRules", []) if each.get("spendBasis") != "FORECASTED_SPEND"]
        passed = [float(each["thresholdPercent"]) for each in rules if cost >= amount * Decimal(str(each["thresholdPercent"]))]
        if passed and cost:
            message["alertThresholdExceeded"] = max(passed)
        account, _, identifier = row["name"].removeprefix("billingAccounts/").partition("/budgets/")
        attributes = {"billingAccountId": account, "budgetId": identifier, "schemaVersion": "1.0"}
        publish_within(world, topic, base64.b64encode(json.dumps(message).encode()).decode(), attributes, now)


def _period_start(given: Json, now: int) -> int:
    custom = given.get("customPeriod", {}).get("startDate")
    here = to_datetime(now).astimezone(PACIFIC)
    if custom:
        begun = datetime.datetime(custom["year"], custom["month"], custom["day"], tzinfo=PACIFIC)
    else:
        months = MONTHS.get(given.get("calendarPeriod", "MONTH"), 1)
        begun = datetime.datetime(here.year, (here.month - 1) // months * months + 1, 1, tzinfo=PACIFIC)
    return parse(begun.isoformat())
