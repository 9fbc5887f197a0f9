"""Alert policies as resources; what makes them fire is in ``alerting.py``.

1. A condition names a metric type that exists, else 404 [documented], and aggregates with what fits it. 2. Ids are Google's, of the policy and of
each condition. 3. Threshold conditions are emulated, with a ratio if there is a denominator; other kinds are refused with 501.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator.billing import Usage
from emulator.call import Call, Handler
from emulator.errors import ApiError
from emulator.minutes import MINUTE
from emulator.rules import assumed, documented, recorded
from emulator.services.monitoring import aggregate, channels, filters, points
from emulator.services.scoping import listed, masked, named, own
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = channels.POLICIES
LONGEST = 25 * 60 * MINUTE
COMPARISONS = {"COMPARISON_GT", "COMPARISON_LT"}
COMBINERS = {"OR", "AND", "AND_WITH_MATCHING_RESOURCE"}
KEYS = (
    "displayName",
    "documentation",
    "userLabels",
    "conditions",
    "combiner",
    "enabled",
    "notificationChannels",
    "alertStrategy",
    "severity",
)
recorded("policy-records", "A policy shows creationRecord and mutationRecord, and a name for each condition below its own.")
documented("policy-unknown-metric", "A condition on a metric that does not exist is a 404 'Cannot find metric(s) that match type = ...'.")
documented(
    "bill-alert-conditions",
    "Each condition of an alert policy bills by the month; log entries, metrics and uptime checks within the free allotments do not.",
)
documented("policy-missing-data", "evaluationMissingData needs a duration of at least 60 seconds; an alignment period is at most 25 hours.")
assumed("policy-conditions", "Only conditionThreshold is emulated, 1 to 6 a policy; other conditions are refused with 501.")


def _existing(call: Call, name: str) -> Json:
    row = call.world.store.get(TAB, name)
    if row is None:
        raise ApiError(404, f"The requested alert policy {name} was not found.")
    return row


def _checked(call: Call, name: str, given: Json) -> Json:
    conditions = given.get("conditions") or []
    if not given.get("displayName"):
        raise ApiError(400, "Field alert_policy.display_name must be set.")
    if not 1 <= len(conditions) <= 6:
        raise ApiError(400, "Field alert_policy.conditions must have between 1 and 6 conditions.")
    if given.get("combiner", "") not in COMBINERS:
        raise ApiError(400, f"Field alert_policy.combiner had an invalid value of {given.get('combiner', '')!r}.")
    for index, channel in enumerate(given.get("notificationChannels") or []):
        if call.world.store.get(channels.TAB, channel) is None:
            raise ApiError(400, f"Field alert_policy.notification_channels[{index}] had an invalid value: {channel} does not exist.")
    checked = [_condition(call, name, index, condition) for index, condition in enumerate(conditions)]
    out = {key: given[key] for key in KEYS if given.get(key) not in (None, "", [], {})}
    return {**out, "conditions": checked, "enabled": given.get("enabled", True)}


def _condition(call: Call, policy: str, index: int, condition: Json) -> Json:
    where = f"alert_policy.conditions[{index}]"
    threshold = condition.get("conditionThreshold")
    if threshold is None:
        kinds = [key for key in condition if key.startswith("condition")] or ["no condition"]
        raise ApiError(501, f"{where}: {kinds[0]} is not emulated; conditionThreshold is.")
    if threshold.get("comparison") not in COMPARISONS:
        raise ApiError(400, f"Field {where}.condition_threshold.comparison must be COMPARISON_GT or COMPARISON_LT.")
    length = aggregate.duration(threshold.get("duration", "0s"), f"{where}.duration")
    if length % MINUTE:
        raise ApiError(400, f"Field {where}.condition_threshold.duration must be a whole number of minutes.")
    if threshold.get("evaluationMissingData") and length < MINUTE:
        raise ApiError(400, f"Field {where}.condition_threshold.evaluation_missing_data needs a duration of at least 60 seconds.")
    for part in ("", "denominator"):
        name, many = (f"{part}Filter", f"{part}Aggregations") if part else ("filter", "aggregations")
        if part and not threshold.get(name):
            continue
        descriptor = points.known(call.world, filters.of_series(threshold.get(name, ""), f"{where}.{name}"), call.now)
        steps = threshold.get(many) or []
        if len(steps) > 1:
            raise ApiError(501, f"{where}.{many}: one aggregation is emulated, not {len(steps)}.")
        for step in steps:
            how = aggregate.parse(step, f"{where}.{many}[0]")
            if how.period > LONGEST:
                raise ApiError(400, f"Field {where}.{many}[0].alignment_period must be at most 90000 seconds.")
            aggregate.check_fits(how, descriptor["metricKind"], descriptor["valueType"], f"{where}.{many}[0]")
    kept = condition.get("name", "")
    own_name = kept if kept.startswith(policy + "/") else f"{policy}/conditions/{call.world.identity.numeric()}"
    return {**condition, "name": own_name}


def _record(call: Call) -> Json:
    return {"mutateTime": utc(call.now), "mutatedBy": f"emulator@{call.world.project}.iam.gserviceaccount.com"}


def create(call: Call) -> Json:
    """Make a policy under a new id."""
    name = f"{own(call.world, call.text('name'))}/alertPolicies/{call.world.identity.numeric()}"
    content = _checked(call, name, call.values.get("alertPolicy") or {})
    row = {"name": name, **content, "creationRecord": _record(call), "mutationRecord": _record(call)}
    call.world.store.put(TAB, name, row)
    _bill(call, name, len(content["conditions"]))
    call.world.changed()
    return row


def _bill(call: Call, name: str, conditions: int) -> None:
    call.world.meter.close(name, call.now)
    if conditions:
        usage = Usage(
            resource=name, kind="monitoring.alertPolicies", sku="alerting.condition", quantity=Decimal(conditions), start=call.now
        )
        call.world.meter.open(usage)


def get(call: Call) -> Json:
    """Read a policy."""
    return _existing(call, named(call, "name"))


def list_(call: Call) -> Json:
    """All policies."""
    own(call.world, call.text("name"))
    return listed(call, "alertPolicies", [row for _, row in call.world.store.items(TAB)])


def patch(call: Call) -> Json:
    """Change what the mask names; without one the policy is replaced. What its conditions have seen so far is forgotten."""
    name = named(call, "name", "alertPolicy")
    old, given = _existing(call, name), call.values.get("alertPolicy") or {}
    mask = call.values.get("updateMask")
    content = _checked(call, name, masked(old, given, mask) if mask else given)
    row = {"name": name, **content, "creationRecord": old["creationRecord"], "mutationRecord": _record(call)}
    call.world.store.put(TAB, name, row)
    if len(content["conditions"]) != len(old["conditions"]):
        _bill(call, name, len(content["conditions"]))
    _forget(call.world, name)
    call.world.changed()
    return row


def delete(call: Call) -> Json:
    """Remove a policy; its open incidents close."""
    name = named(call, "name")
    _existing(call, name)
    call.world.store.delete(TAB, name)
    _bill(call, name, 0)
    _forget(call.world, name)
    for key, incident in call.world.store.items("incidents"):
        if incident["policy"] == name and incident["closed"] is None:
            call.world.store.put("incidents", key, {**incident, "closed": call.now})
    return {}


def _forget(world: World, name: str) -> None:
    for key, _ in world.store.items("alert_state"):
        if key.startswith(name + "/"):
            world.store.delete("alert_state", key)


HANDLERS: dict[str, Handler] = {"create": create, "get": get, "list": list_, "patch": patch, "delete": delete}
