"""Autoscalers of instance groups: who may size a group. What they make of it is in ``scaling.py``.

1. A group has one autoscaler at most. 2. While its mode is ON nobody else resizes the group. 3. The group's status names it.
"""

# ruff: noqa: ARG002  # the hooks of a kind share one signature; each uses what it needs
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator import errors
from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.compute import links, records
from emulator.services.compute.groups.bulk import is_bulk
from emulator.services.compute.kinds import Kind, Reference, Scope

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
SERVICE = "autoscalers"
MODES = ("ON", "OFF", "ONLY_SCALE_OUT", "ONLY_UP")
documented("autoscaler-one", "A group has one autoscaler; a second is refused.")
documented(
    "autoscaler-resize", "Resizing a group whose autoscaler's mode is not OFF is a 412 that says to remove it or to set its mode to OFF."
)
documented("autoscaler-bulk", "A group whose target size policy is BULK has no autoscaler.")
assumed(
    "autoscaler-patch", "A patch of an autoscaler merges autoscalingPolicy field by field, an update replaces it; a mode not given is ON."
)


class Autoscaler(Kind):
    """A zonal autoscaler."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """The group is there and has no other."""
        policy = {"mode": "ON", **resource.get("autoscalingPolicy", {})}
        if of_group(call.world, resource["target"]) is not None:
            raise ApiError(400, f"The resource '{resource['target']}' already has an autoscaler.", reason="invalid")
        if is_bulk(records.resource(call.world, resource["target"]) or {}):
            raise ApiError(400, f"The resource '{resource['target']}' is a bulk group, which cannot be autoscaled.", reason="invalid")
        return {**resource, "autoscalingPolicy": _checked(policy)}

    def check_change(self, call: Call, old: Json, new: Json) -> Json:
        """The policy is whole; one that comes on begins to look."""
        policy = _checked({"mode": "ON", **new.get("autoscalingPolicy", {})})
        if old["autoscalingPolicy"]["mode"] == "OFF" != policy["mode"]:
            call.world.scaling.begun(self._link(call), new["target"], call.now)
        return {**new, "autoscalingPolicy": policy}

    def _link(self, call: Call) -> str:
        name = call.values.get(self.item) or call.body.get("name")
        return f"{records.parent(call.world.project, self, call.values)}/{self.collection}/{name}"

    def view(self, world: World, resource: Json, link: str, now: int) -> Json:
        """What it recommends, and what is to be said of it."""
        return world.scaling.shown(link, resource, now)

    def inserted(self, world: World, link: str, now: int) -> None:
        """It begins to look."""
        world.scaling.begun(link, (records.resource(world, link) or {})["target"], now)

    def deleted(self, world: World, link: str, resource: Json, now: int) -> None:
        """It is forgotten."""
        world.scaling.ended(link)


def of_group(world: World, group: str) -> tuple[str, Json] | None:
    """The autoscaler of the group at a relative link: (link, resource)."""
    found = ((link, record["resource"]) for link, record in records.of_service(world, SERVICE) if record["state"] != "DELETING")
    return next((each for each in found if each[1]["target"] == group), None)


def refuse_resize(world: World, group: str) -> None:
    """Raise 412 where an autoscaler owns the size."""
    found = of_group(world, group)
    if found is not None and found[1]["autoscalingPolicy"]["mode"] != "OFF":
        why = "is not allowed. Please remove the autoscaler or set autoscaling policy mode to OFF."
        raise ApiError(412, f"Resizing of autoscaled Instance Group Manager {links.name_of(group)} {why}", reason="conditionNotMet")


def _checked(policy: Json) -> Json:
    if policy["mode"] not in MODES:
        raise errors.invalid("resource.autoscalingPolicy.mode", policy["mode"])
    low, high = policy.get("minNumReplicas", 0), policy.get("maxNumReplicas")
    if high is None:
        raise errors.required("resource.autoscalingPolicy.maxNumReplicas")
    if low < 0:
        raise errors.invalid("resource.autoscalingPolicy.minNumReplicas", low, "Must not be negative.")
    if low > high:
        raise errors.invalid("resource.autoscalingPolicy.minNumReplicas", low, "Must not be above maxNumReplicas.")
    return policy


AUTOSCALER = Autoscaler(
    service=SERVICE,
    collection="autoscalers",
    item="autoscaler",
    scope=Scope.ZONE,
    kind="compute#autoscaler",
    noun="autoscaler",
    quota="AUTOSCALERS",
    verbs=("insert", "get", "list", "delete", "aggregatedList", "patch", "update"),
    required=("target", "autoscalingPolicy"),
    immutable=("target",),
    references=(Reference(path="target"),),
)
