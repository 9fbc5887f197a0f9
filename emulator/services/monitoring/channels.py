"""Notification channels. Ids are Google's; a channel that a policy uses is deleted only by force, which takes it out of the policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call, Handler
from emulator.errors import ApiError
from emulator.rules import assumed, documented, recorded
from emulator.services.scoping import listed, masked, named, own
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "channels"
POLICIES = "alert_policies"
NEEDED = {
    "email": ("email_address",),
    "webhook_basicauth": ("url",),
    "webhook_tokenauth": ("url",),
    "pubsub": ("topic",),
    "sms": ("number",),
}
recorded(
    "channel-records", "A channel shows creationRecord and mutationRecords with their time; a patch without mask changes the fields given."
)
recorded("channel-in-use", "Deleting a channel that a policy uses is a 400 unless force is true.")
documented("channel-force", "With force=true the channel is taken out of the policies that use it.")
assumed("channel-types", "Channel types: email, webhook, pubsub and sms; only their required labels are checked, nothing is really sent.")


def in_use(world: World, name: str) -> list[str]:
    """The policies that notify a channel."""
    return [policy for policy, row in world.store.items(POLICIES) if name in row.get("notificationChannels", [])]


def _existing(call: Call, name: str) -> Json:
    row = call.world.store.get(TAB, name)
    if row is None:
        raise ApiError(404, f"Notification channel {name} was not found.")
    return row


def _checked(given: Json) -> Json:
    kind = given.get("type", "")
    if kind not in NEEDED:
        raise ApiError(400, f"Field notification_channel.type had an invalid value of {kind!r}: one of {', '.join(NEEDED)}.")
    for label in NEEDED[kind]:
        if not given.get("labels", {}).get(label):
            raise ApiError(400, f"Field notification_channel.labels[{label!r}] must be set for type {kind}.")
    keys = ("type", "displayName", "description", "labels", "userLabels")
    return {**{key: given[key] for key in keys if given.get(key)}, "enabled": given.get("enabled", True)}


def create(call: Call) -> Json:
    """Make a channel under a new id."""
    project = own(call.world, call.text("name"))
    name = f"{project}/notificationChannels/{call.world.identity.numeric()}"
    record = {"mutateTime": utc(call.now)}
    row = {"name": name, **_checked(call.values.get("notificationChannel") or {}), "creationRecord": record, "mutationRecords": [record]}
    call.world.store.put(TAB, name, row)
    return row


def get(call: Call) -> Json:
    """Read a channel."""
    return _existing(call, named(call, "name"))


def list_(call: Call) -> Json:
    """All channels."""
    own(call.world, call.text("name"))
    return listed(call, "notificationChannels", [row for _, row in call.world.store.items(TAB)])


def patch(call: Call) -> Json:
    """Change what the mask names; without one, what is given."""
    name = named(call, "name", "notificationChannel")
    old, given = _existing(call, name), call.values.get("notificationChannel") or {}
    mask = call.values.get("updateMask") or ",".join(key for key in given if key != "name")
    new = _checked(masked(old, given, mask))
    row = {"name": name, **new, "creationRecord": old["creationRecord"], "mutationRecords": [{"mutateTime": utc(call.now)}]}
    call.world.store.put(TAB, name, row)
    return row


def delete(call: Call) -> Json:
    """Remove a channel."""
    name = named(call, "name")
    _existing(call, name)
    users = in_use(call.world, name)
    if users and str(call.values.get("force", "false")).lower() != "true":
        text = f"Cannot delete notification channel {name}: it is used by {', '.join(users)}."
        raise ApiError(400, text, status_name="FAILED_PRECONDITION")
    for policy in users:
        row = call.world.store.get(POLICIES, policy) or {}
        kept = [channel for channel in row["notificationChannels"] if channel != name]
        call.world.store.put(POLICIES, policy, {**row, "notificationChannels": kept})
    call.world.store.delete(TAB, name)
    return {}


HANDLERS: dict[str, Handler] = {"create": create, "get": get, "list": list_, "patch": patch, "delete": delete}
