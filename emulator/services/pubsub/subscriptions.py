"""Pull subscriptions: a message is handed out until it is acknowledged.

1. What is pulled is held back for the acknowledgement deadline, then handed out again. 2. What nobody acknowledges is dropped after the retention.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented, recorded
from emulator.services.compute.pages import page
from emulator.services.pubsub import to_bigquery
from emulator.services.pubsub.names import SUBSCRIPTIONS, TOPICS, checked, found, in_project, not_found, refuse_second
from emulator.services.pubsub.topics import MESSAGES
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
WEEK, MONTH = "604800s", "2678400s"
SETTABLE = {
    "labels",
    "ackDeadlineSeconds",
    "messageRetentionDuration",
    "expirationPolicy",
    "retainAckedMessages",
    "enableExactlyOnceDelivery",
    "enableMessageOrdering",
    "filter",
}
YOUNG = "subscriptions_young"
recorded("subscription-eventual", "A new subscription's GET is a 404 for a short while after its create was answered.")
recorded("subscription-patched", "The answer to a patch shows pushConfig with the attribute x-goog-version; reads show it empty.")
assumed("subscription-young", "A new subscription is in lists, can be pulled from and is published to at once.")
recorded(
    "subscription-view",
    "A subscription shows state ACTIVE, an empty pushConfig, ackDeadlineSeconds, its retention and its expiration policy.",
)
documented(
    "subscription-defaults",
    "ackDeadlineSeconds is 10 to 600, 10 if not given; retention is seven days; an unused subscription expires after 31 days.",
)
assumed("pull-at-once", "pull answers at once, with returnImmediately or without; push and streaming pull are not emulated.")
assumed("subscription-expiry", "A subscription's expiration is shown and does not come about.")


def create(call: Call) -> Json:
    """Make a pull subscription."""
    full = checked(call, call.text("name"), SUBSCRIPTIONS)
    refuse_second(call, full, SUBSCRIPTIONS)
    topic = found(call, call.values.get("topic", ""), TOPICS)
    if call.values.get("pushConfig", {}).get("pushEndpoint"):
        raise ApiError(501, "Push subscriptions are not emulated.")
    seconds = call.values.get("ackDeadlineSeconds") or 10
    if not 10 <= seconds <= 600:
        raise ApiError(400, f"Invalid ack deadline given: {seconds}. Allowed values are between 10 and 600.")
    row = {
        "name": full,
        "topic": topic["name"],
        "pushConfig": {},
        "messageRetentionDuration": WEEK,
        "expirationPolicy": {"ttl": MONTH},
        "state": "ACTIVE",
        **{key: call.values[key] for key in SETTABLE if call.values.get(key) is not None},
        **({"bigqueryConfig": to_bigquery.checked(call, call.values["bigqueryConfig"])} if call.values.get("bigqueryConfig") else {}),
        "ackDeadlineSeconds": seconds,
    }
    call.world.store.put(SUBSCRIPTIONS, full, row)
    call.world.store.put(YOUNG, full, {"visible": call.now + call.world.durations.of("pubsub.read_after_create")})
    return to_bigquery.view(call.world, row)


def get(call: Call) -> Json:
    """Read a subscription; a new one cannot be read for a short while."""
    row = found(call, call.text("subscription"), SUBSCRIPTIONS)
    young = call.world.store.get(YOUNG, row["name"])
    if young and call.now < young["visible"]:
        raise not_found(row["name"])
    return to_bigquery.view(call.world, row)


def list_(call: Call) -> Json:
    """The project's subscriptions."""
    in_project(call, call.text("project"))
    values = {"max_results": min(int(call.values.get("pageSize") or 100), 500), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, [to_bigquery.view(call.world, row) for _, row in call.world.store.items(SUBSCRIPTIONS)])
    return {**({"subscriptions": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def patch(call: Call) -> Json:
    """Change what the update mask names."""
    given = call.values.get("subscription") or {}
    row = found(call, given.get("name", ""), SUBSCRIPTIONS)
    fields = [field.strip() for field in (call.values.get("updateMask") or "").split(",") if field.strip()]
    wrong = [field for field in fields if field not in SETTABLE]
    if wrong or not fields:
        raise ApiError(400, f"Invalid update_mask provided in the UpdateSubscriptionRequest: {', '.join(wrong) or 'it is empty'}.")
    new = {**{key: value for key, value in row.items() if key not in fields}, **{key: given[key] for key in fields if key in given}}
    call.world.store.put(SUBSCRIPTIONS, row["name"], new)
    return {**to_bigquery.view(call.world, new), "pushConfig": {"attributes": {"x-goog-version": "v1"}}}


def delete(call: Call) -> Json:
    """Delete a subscription and what it holds."""
    world = call.world
    row = found(call, call.text("subscription"), SUBSCRIPTIONS)
    for key, held in world.store.items(MESSAGES):
        if held["subscription"] == row["name"]:
            world.store.delete(MESSAGES, key)
    world.store.delete(SUBSCRIPTIONS, row["name"])
    return {}


def pull(call: Call) -> Json:
    """Hand out up to ``maxMessages`` that nobody holds."""
    world = call.world
    row = found(call, call.text("subscription"), SUBSCRIPTIONS)
    if row.get("bigqueryConfig"):
        raise ApiError(400, "This method is not supported for this subscription type.", status_name="FAILED_PRECONDITION")
    most = int(call.values.get("maxMessages") or 0)
    if most < 1:
        raise ApiError(400, "The value for max_messages is too small. You passed 0 in the request, but the minimum value is 1.")
    _drop_old(world, row, call.now)
    out: list[Json] = []
    for key, held in world.store.items(MESSAGES):
        if held["subscription"] != row["name"] or held["held"] > call.now or len(out) == most:
            continue
        ack = world.identity.uuid()
        tries = held["tries"] + 1
        world.store.put(MESSAGES, key, {**held, "ack": ack, "tries": tries, "held": call.now + row["ackDeadlineSeconds"] * SECOND})
        out.append({"ackId": ack, "message": held["message"]})
    return {"receivedMessages": out} if out else {}


def acknowledge(call: Call) -> Json:
    """Let go of messages; an id that is past is passed over."""
    world = call.world
    row = found(call, call.text("subscription"), SUBSCRIPTIONS)
    acks = set(call.values.get("ackIds") or [])
    for key, held in world.store.items(MESSAGES):
        if held["subscription"] == row["name"] and held["ack"] in acks:
            world.store.delete(MESSAGES, key)
    return {}


def _drop_old(world: World, row: Json, now: int) -> None:
    match = re.match(r"\d+", row["messageRetentionDuration"])
    kept = int(match[0]) * SECOND if match else 0
    for key, held in world.store.items(MESSAGES):
        if held["subscription"] == row["name"] and held["at"] + kept <= now:
            world.store.delete(MESSAGES, key)
