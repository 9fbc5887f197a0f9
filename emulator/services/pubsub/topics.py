"""Topics and what is published on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import documented
from emulator.services.compute.pages import page
from emulator.services.pubsub import to_bigquery
from emulator.services.pubsub.names import SUBSCRIPTIONS, TOPICS, checked, found, in_project, refuse_second
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
MESSAGES = "messages"
DELETED = "_deleted-topic_"
SETTABLE = {"labels", "messageRetentionDuration", "kmsKeyName", "messageStoragePolicy"}
documented("topic-deleted", "The subscriptions of a deleted topic stay; their topic reads _deleted-topic_.")
documented("publish-empty", "A message needs data or at least one attribute.")


def create(call: Call) -> Json:
    """Make a topic."""
    full = checked(call, call.text("name"), TOPICS)
    refuse_second(call, full, TOPICS)
    row = {"name": full, **{key: call.values[key] for key in SETTABLE if call.values.get(key)}}
    call.world.store.put(TOPICS, full, row)
    return row


def get(call: Call) -> Json:
    """Read a topic."""
    return found(call, call.text("topic"), TOPICS)


def list_(call: Call) -> Json:
    """The project's topics."""
    in_project(call, call.text("project"))
    values = {"max_results": min(int(call.values.get("pageSize") or 100), 500), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, [row for _, row in call.world.store.items(TOPICS)])
    return {**({"topics": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def patch(call: Call) -> Json:
    """Change what the update mask names."""
    given = call.values.get("topic") or {}
    row = found(call, given.get("name", ""), TOPICS)
    fields = [field.strip() for field in (call.values.get("updateMask") or "").split(",") if field.strip()]
    wrong = [field for field in fields if field not in SETTABLE]
    if wrong or not fields:
        raise ApiError(400, f"Invalid update_mask provided in the UpdateTopicRequest: {', '.join(wrong) or 'it is empty'}.")
    new = {**{key: value for key, value in row.items() if key not in fields}, **{key: given[key] for key in fields if given.get(key)}}
    call.world.store.put(TOPICS, row["name"], new)
    return new


def delete(call: Call) -> Json:
    """Delete a topic; its subscriptions stay without one."""
    world = call.world
    row = found(call, call.text("topic"), TOPICS)
    world.store.delete(TOPICS, row["name"])
    for name, subscription in world.store.items(SUBSCRIPTIONS):
        if subscription["topic"] == row["name"]:
            world.store.put(SUBSCRIPTIONS, name, {**subscription, "topic": DELETED})
    return {}


def publish(call: Call) -> Json:
    """Publish messages."""
    row = found(call, call.text("topic"), TOPICS)
    messages = call.values.get("messages") or []
    if not messages or any(not each.get("data") and not each.get("attributes") for each in messages):
        raise ApiError(
            400,
            "One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.",
        )
    return {
        "messageIds": [deliver(call.world, row["name"], each.get("data", ""), each.get("attributes", {}), call.now) for each in messages]
    }


def deliver(world: World, topic: str, data: str, attributes: Json, now: int) -> str:
    """Put one message (data in base64) before every subscription of a topic; answers its id."""
    number = world.identity.numeric()
    for name, subscription in world.store.items(SUBSCRIPTIONS):
        if subscription["topic"] == topic:
            message = {"messageId": number, "publishTime": utc(now), "data": data, "attributes": attributes}
            kept = {key: value for key, value in message.items() if value}
            if subscription.get("bigqueryConfig"):
                to_bigquery.take(world, name, kept, now)
                continue
            world.store.put(
                MESSAGES, f"{name} {number}", {"subscription": name, "message": kept, "at": now, "held": 0, "tries": 0, "ack": ""}
            )
    return number


def publish_within(world: World, topic: str, data: str, attributes: Json, now: int) -> bool:
    """Publish from within the cloud, data in base64; False where the topic is gone."""
    if world.store.get(TOPICS, topic) is None:
        return False
    deliver(world, topic, data, attributes, now)
    return True
