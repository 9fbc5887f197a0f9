"""Budgets of the billing account.

1. Google gives a budget its id; two may bear one display name. 2. A project is named by its number, however it was given. 3. A patch changes what its
mask names; an etag that is given must be the live one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.identity import fingerprint
from emulator.rules import assumed, documented, recorded
from emulator.services.cloudbilling.account import require
from emulator.services.compute.pages import page
from emulator.services.pubsub.names import TOPICS

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "budgets"
MOST = 1000
NAME_LENGTH = 60
recorded("budget-not-found", "A budget that is not there is a 404 'budget \"NAME\" not found'.")
documented(
    "budget-ids", "A budget's id is given by Google; display names (at most 60 characters) need not differ; an account holds 1,000 budgets."
)
documented("budget-schema-version", "With a pubsubTopic, schemaVersion is needed and only 1.0 is accepted.")
assumed("budget-topic", "A budget's Pub/Sub topic must exist when it is named: 400 otherwise.")
assumed("budget-project-number", "A budget's filter shows projects by number, however they were given; one of another project is a 400.")


def _name(call: Call, name: str, permission: str) -> Json:
    require(call, name, permission)
    row = call.world.store.get(TAB, name)
    if row is None:
        raise ApiError(404, f'budget "{name}" not found')
    return row


def view(row: Json) -> Json:
    """The budget as clients see it."""
    budget: Json = row["budget"]
    return {**budget, "name": row["name"], "etag": fingerprint(budget)}


def create(call: Call) -> Json:
    """Make a budget."""
    world = call.world
    parent = call.text("parent")
    require(call, parent, "billing.budgets.create")
    if world.store.count(TAB) >= MOST:
        raise ApiError(429, f"A billing account holds at most {MOST} budgets.")
    name = f"{parent}/budgets/{world.identity.uuid()}"
    row = {"name": name, "budget": _checked(world, call.values.get("budget") or {}), "created": call.now, "next": call.now}
    world.store.put(TAB, name, row)
    world.changed()
    return view(row)


def _checked(world: World, given: Json) -> Json:
    budget = {key: value for key, value in given.items() if key not in {"name", "etag"} and value not in ("", [], {})}
    if len(budget.get("displayName", "")) > NAME_LENGTH:
        raise ApiError(400, f"display_name must be at most {NAME_LENGTH} characters.")
    amount = budget.get("amount", {})
    if len(amount) != 1:
        raise ApiError(400, "Request contains an invalid argument: budget.amount is required.")
    if "specifiedAmount" in amount:
        if amount["specifiedAmount"].get("currencyCode", "USD") != "USD":
            raise ApiError(400, "Budget currency must match the billing account's currency, USD.")
        budget["amount"] = {"specifiedAmount": {"currencyCode": "USD", **amount["specifiedAmount"]}}
    for rule in budget.get("thresholdRules", []):
        if rule.get("thresholdPercent", 0) <= 0:
            raise ApiError(400, "Request contains an invalid argument: threshold_percent must be above 0.")
        rule.setdefault("spendBasis", "CURRENT_SPEND")
    budget["budgetFilter"] = _filter(world, budget.get("budgetFilter", {}))
    notify = budget.get("notificationsRule", {})
    topic = notify.get("pubsubTopic")
    if topic and notify.get("schemaVersion") != "1.0":
        raise ApiError(400, "Request contains an invalid argument: schema_version must be 1.0 when pubsub_topic is set.")
    if topic and world.store.get(TOPICS, topic) is None:
        raise ApiError(400, f"The Pub/Sub topic {topic} does not exist or may not be published to.")
    return budget


def _filter(world: World, given: Json) -> Json:
    settings = world.settings
    ours = {f"projects/{settings.project}", f"projects/{settings.project_number}"}
    if any(project not in ours for project in given.get("projects", [])):
        raise ApiError(400, "Request contains an invalid argument: a project of the filter is not billed to this account.")
    out = {"creditTypesTreatment": "INCLUDE_ALL_CREDITS", **given}
    if "customPeriod" not in out:
        out.setdefault("calendarPeriod", "MONTH")
    if given.get("projects"):
        out["projects"] = [f"projects/{settings.project_number}"]
    return out


def get(call: Call) -> Json:
    """Read a budget."""
    return view(_name(call, call.text("name"), "billing.budgets.get"))


def list_(call: Call) -> Json:
    """The account's budgets."""
    require(call, call.text("parent"), "billing.budgets.list")
    values = {"max_results": min(int(call.values.get("pageSize") or 100), 100), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, [view(row) for _, row in call.world.store.items(TAB)])
    return {**({"budgets": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def patch(call: Call) -> Json:
    """Change what the mask names; without a mask, what is given."""
    given = call.values.get("budget") or {}
    row = _name(call, given.get("name", ""), "billing.budgets.update")
    if given.get("etag") and given["etag"] != fingerprint(row["budget"]):
        raise ApiError(409, "The budget has changed since it was read.", status_name="ABORTED")
    mask = [field.strip().partition(".")[0] for field in (call.values.get("updateMask") or "").split(",") if field.strip()]
    fields = mask or [key for key in given if key not in {"name", "etag"}]
    merged = {
        **{key: value for key, value in row["budget"].items() if key not in fields},
        **{key: given[key] for key in fields if key in given},
    }
    new = {**row, "budget": _checked(call.world, merged)}
    call.world.store.put(TAB, row["name"], new)
    return view(new)


def delete(call: Call) -> Json:
    """Delete a budget."""
    row = _name(call, call.text("name"), "billing.budgets.delete")
    call.world.store.delete(TAB, row["name"])
    return {}
