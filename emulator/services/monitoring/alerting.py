"""What fires: conditions looked at each whole minute, incidents that open and close, notifications.

1. A condition holds for a series when its aligned value compares so; it opens an incident once it has held for its duration. 2. An incident closes
at the first look at which the condition no longer holds. 3. Without data an incident stays as it is, unless the condition says INACTIVE or ACTIVE,
or the policy's autoClose (seven days if not given) has passed. 4. Opening and closing notify every enabled channel of the policy.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from emulator.rules import assumed, documented
from emulator.services.monitoring import aggregate, channels, filters, series
from emulator.services.monitoring.policies import TAB as POLICIES
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
STATE, INCIDENTS, NOTIFICATIONS = "alert_state", "incidents", "notifications"
WEEK = 7 * 86_400 * SECOND
documented(
    "alert-duration", "An incident opens when its condition has held for the condition's duration, and closes when it no longer holds."
)
documented("alert-missing-data", "Without data an incident stays open until autoClose, unless evaluationMissingData says otherwise.")
documented("alert-ratio", "A condition with a denominator compares the ratio of the two aligned values.")
assumed("alert-every-minute", "Conditions are looked at each whole minute, over one alignment period that ends then.")
assumed("alert-ratio-zero", "Where the denominator has data and the numerator none the ratio is 0.")
assumed(
    "alert-and",
    "AND and AND_WITH_MATCHING_RESOURCE open an incident for each series once every condition of the policy holds for some series.",
)


def evaluate(world: World, now: int) -> None:
    """Look at every enabled policy."""
    for name, policy in world.store.items(POLICIES):
        if policy["enabled"]:
            _policy(world, name, policy, now)


def _policy(world: World, name: str, policy: Json, now: int) -> None:
    looked = [(condition, *_holding(world, condition, now)) for condition in policy["conditions"]]
    together = policy["combiner"] != "OR"
    all_hold = all(ripe for _, ripe, _ in looked)
    for condition, ripe, values in looked:
        threshold = condition["conditionThreshold"]
        enough = len(ripe) >= int(threshold.get("trigger", {}).get("count", 1)) and (all_hold or not together)
        for key in ripe if enough else ():
            _open(world, name, policy, condition, key, values.get(key), now)
        for incident_key, incident in _of(world, condition["name"]):
            if not enough or incident["key"] not in ripe:
                _maybe_close(world, policy, incident_key, incident, (values, threshold), now)


def _holding(world: World, condition: Json, now: int) -> tuple[list[str], dict[str, float]]:
    """The series for which the condition has held for its duration, and every series' value."""
    threshold = condition["conditionThreshold"]
    values = _values(world, threshold, now)
    limit = float(threshold.get("thresholdValue", 0))
    above = threshold["comparison"] == "COMPARISON_GT"
    length = aggregate.duration(threshold.get("duration", "0s"), "duration")
    missing = threshold.get("evaluationMissingData")
    ripe = []
    known = {key.partition("|")[2] for key, _ in world.store.items(STATE) if key.startswith(condition["name"] + "|")}
    for key in sorted({*values, *known}):
        state = f"{condition['name']}|{key}"
        if key in values:
            holds = values[key] > limit if above else values[key] < limit
        elif missing in {"EVALUATION_MISSING_DATA_INACTIVE", "EVALUATION_MISSING_DATA_ACTIVE"}:
            holds = missing.endswith("_ACTIVE")
        else:
            continue  # nothing is known: what was begun is neither gone on with nor dropped
        if not holds:
            world.store.delete(STATE, state)
            continue
        row = world.store.get(STATE, state)
        if row is None:
            row = {"since": now}
            world.store.put(STATE, state, row)
        if now - row["since"] >= length:
            ripe.append(key)
    return ripe, values


def _values(world: World, threshold: Json, now: int) -> dict[str, float]:
    above = _aligned(world, threshold["filter"], threshold.get("aggregations"), now)
    if not threshold.get("denominatorFilter"):
        return above
    below = _aligned(world, threshold["denominatorFilter"], threshold.get("denominatorAggregations"), now)
    return {key: above.get(key, 0.0) / value for key, value in below.items() if value}


def _aligned(world: World, text: str, steps: list[Json] | None, now: int) -> dict[str, float]:
    """The newest aligned value of each series, by its labels."""
    how = aggregate.parse((steps or [{}])[0])
    start = now - (how.period or aggregate.MINIMUM)
    found = aggregate.aggregated(series.read(world, filters.of_series(text), start, now), how, start, now)
    out = {}
    for each in found:
        labels = {"metric": each.metric.get("labels", {}), "resource": each.resource.get("labels", {})}
        value = each.points[-1][2]
        if isinstance(value, bool | int | float):
            out[json.dumps(labels, sort_keys=True)] = float(value)
    return out


def _of(world: World, condition: str) -> list[tuple[str, Json]]:
    return [(key, row) for key, row in world.store.items(INCIDENTS) if row["condition"] == condition and row["closed"] is None]


def _open(world: World, name: str, policy: Json, condition: Json, key: str, value: float | None, now: int) -> None:
    for incident_key, row in _of(world, condition["name"]):
        if row["key"] == key:
            world.store.put(INCIDENTS, incident_key, {**row, "seen": now, "value": row["value"] if value is None else value})
            return
    incident = {
        "id": world.identity.letters(12),
        "policy": name,
        "display_name": policy["displayName"],
        "condition": condition["name"],
        "severity": policy.get("severity", ""),
        "key": key,
        "value": value,
        "threshold": condition["conditionThreshold"].get("thresholdValue", 0),
        "opened": now,
        "seen": now,
        "closed": None,
    }
    world.store.put(INCIDENTS, incident["id"], incident)
    _notify(world, policy, incident, "opened", now)


def _maybe_close(world: World, policy: Json, key: str, incident: Json, seen: tuple[dict[str, float], Json], now: int) -> None:
    values, threshold = seen
    if incident["key"] not in values and threshold.get("evaluationMissingData") != "EVALUATION_MISSING_DATA_INACTIVE":
        auto = policy.get("alertStrategy", {}).get("autoClose")
        if now - incident["seen"] < (aggregate.duration(auto, "autoClose") if auto else WEEK):
            return
    closed = {**incident, "closed": now}
    world.store.put(INCIDENTS, key, closed)
    _notify(world, policy, closed, "closed", now)


def _notify(world: World, policy: Json, incident: Json, event: str, now: int) -> None:
    for channel in policy.get("notificationChannels", []):
        row = world.store.get(channels.TAB, channel)
        if row is None or not row["enabled"]:
            continue
        sent = {
            "at": utc(now),
            "event": event,
            "incident": incident["id"],
            "policy": policy["displayName"],
            "channel": channel,
            "type": row["type"],
            "to": next(iter(row["labels"].values()), ""),
            "documentation": policy.get("documentation", {}).get("content", ""),
        }
        world.store.put(NOTIFICATIONS, f"{incident['id']} {event} {channel}", sent)


def incidents(world: World) -> list[Json]:
    """Every incident, for the admin surface; ``closed`` None while it is open."""
    return [
        {
            **{key: row[key] for key in ("id", "policy", "display_name", "condition", "severity", "value", "threshold")},
            "labels": json.loads(row["key"]),
            "opened": utc(row["opened"]),
            "closed": utc(row["closed"]) if row["closed"] is not None else None,
        }
        for _, row in world.store.items(INCIDENTS)
    ]


def notifications(world: World) -> list[Json]:
    """Everything that would have been sent."""
    return [row for _, row in world.store.items(NOTIFICATIONS)]
