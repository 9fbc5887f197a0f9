"""The zonal instance group manager as a resource: its checks, and what its VMs make it show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator import errors
from emulator.call import Call
from emulator.rules import assumed, documented
from emulator.services.compute import links, records
from emulator.services.compute.autoscalers import of_group
from emulator.services.compute.catalog import machine
from emulator.services.compute.groups import health
from emulator.services.compute.groups.bulk import check_bulk
from emulator.services.compute.groups.fleet import REPLACED, Fleet, Vm, group_link
from emulator.services.compute.groups.versions import wanted_versions
from emulator.services.compute.kinds import Kind, Reference, Scope

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
documented("group-limit", "A zonal group holds at most 1,000 VMs, 2,000 with listManagedInstancesResults=PAGINATED.")
documented(
    "group-canary", "A group has one version, or two of which one has a targetSize: that many VMs, or that share of them, are of it."
)
assumed("canary-template", "A group with a canary tells the other version's template as its instanceTemplate.")
assumed("verifying", "With an autohealing check a VM is VERIFYING from RUNNING until it is healthy or initialDelaySec has passed.")
assumed("group-machine-zone", "A group whose template's machine type the zone does not have is refused with 400 when it is made.")

ACTIONS = ("none", "creating", "creatingWithoutRetries", "recreating", "deleting", "abandoning", "restarting", "refreshing", "verifying",
           "suspending", "stopping", "resuming", "starting")  # fmt: skip


class GroupManager(Kind):
    """A zonal managed instance group."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Defaults and checks."""
        if "targetSize" not in call.body:
            raise errors.required("resource.targetSize")
        base = resource.get("baseInstanceName") or links.name_of(link)
        out = self.check_change(call, {}, {"listManagedInstancesResults": "PAGELESS", **resource, "baseInstanceName": base})
        if len(base) > 58:
            raise errors.invalid("resource.baseInstanceName", base, "Must be at most 58 characters.")
        return out

    def check_change(self, call: Call, old: Json, new: Json) -> Json:
        """One version, a size within the limit, a machine the zone has."""
        out = versioned(old, new)
        check_size(out, out["targetSize"])
        zone = str(call.values["zone"])
        template = records.resource(call.world, out["instanceTemplate"]) or {}
        kind = template.get("properties", {}).get("machineType", "")
        if machine(kind, zone) is None:
            why = f"Machine type with name '{kind}' does not exist in zone '{zone}'."
            raise errors.invalid("resource.instanceTemplate", out["instanceTemplate"], why)
        check_bulk(out)
        default: Json = {
            "type": "OPPORTUNISTIC",
            "minimalAction": "REPLACE",
            "replacementMethod": "SUBSTITUTE",
            "maxSurge": {"fixed": 1, "calculated": 1},
            "maxUnavailable": {"fixed": 1, "calculated": 1},
        }
        out["updatePolicy"] = {**default, **out.get("updatePolicy", {})}
        for policy in out.get("autoHealingPolicies", []):
            delay = policy.get("initialDelaySec", 0)
            if not 0 <= delay <= 3600:
                raise errors.invalid("resource.autoHealingPolicies[0].initialDelaySec", delay, "Must be between 0 and 3600.")
        return out

    def view(self, world: World, resource: Json, link: str, now: int) -> Json:
        """The group's link, what its VMs are doing, whether it is stable."""
        fleet = world.groups.fleets.get(link)
        counts = dict.fromkeys(ACTIONS, 0)
        for vm in fleet.vms.values():
            counts[camel_action(action(world, fleet, vm, now))] += 1
        live = [vm for vm in fleet.vms.values() if vm.live]
        ready = (records.find(world, link) or {}).get("state") != "CREATING"
        stable = ready and counts["none"] == len(fleet.vms) == len(live) == resource["targetSize"]
        reached = Counter(vm.template for vm in live) == Counter(wanted_versions(resource))
        scaled = of_group(world, link)
        return {
            "instanceGroup": group_link(link),
            "currentActions": counts,
            "status": {
                "isStable": stable,
                "versionTarget": {"isReached": reached},
                "stateful": {"hasStatefulConfig": False, "perInstanceConfigs": {"allEffective": True}},
                "allInstancesConfig": {"effective": True},
                **({"autoscaler": links.absolute(scaled[0], "v1")} if scaled else {}),
            },
        }

    def inserted(self, world: World, link: str, now: int) -> None:
        """The group starts to create its VMs."""
        world.groups.fleets.put(Fleet(link=link, vms={}))
        world.groups.act(link, now)

    def changed(self, world: World, link: str, now: int) -> None:
        """The group follows its new description."""
        world.groups.act(link, now)

    def users(self, world: World, link: str) -> Iterator[str]:
        """Backend services that have the group as a backend."""
        group = group_link(link)
        for other, record in records.of_service(world, "backendServices"):
            if any(backend.get("group") == group for backend in record["resource"].get("backends", [])):
                yield other


def versioned(old: Json, new: Json) -> Json:
    """The manager with ``instanceTemplate`` and ``versions`` in step: whichever was changed leads."""
    template, versions = new.get("instanceTemplate"), new.get("versions")
    if versions and versions != old.get("versions"):
        rest = [version for version in versions if "targetSize" not in version]
        if len(rest) != 1 or len(versions) > 2:
            raise errors.invalid("resource.versions", len(versions), "One or two versions, of which exactly one has no targetSize.")
        template = rest[0].get("instanceTemplate", template)
    elif versions and template != old.get("instanceTemplate"):
        versions = [{key: value for key, value in versions[0].items() if key == "name"}]
    if not template:
        raise errors.required("resource.instanceTemplate")
    kept = [version if "targetSize" in version else {**version, "instanceTemplate": template} for version in versions or [{}]]
    return {**new, "instanceTemplate": template, "versions": kept}


def check_size(manager: Json, size: int) -> None:
    """Raise 400 for a size a zonal group cannot have."""
    limit = 2000 if manager.get("listManagedInstancesResults") == "PAGINATED" else 1000
    if not 0 <= size <= limit:
        raise errors.invalid("resource.targetSize", size, f"Value must be between 0 and {limit}.")


def action(world: World, fleet: Fleet, vm: Vm, now: int) -> str:
    """What the group is doing with a VM: ``currentAction``."""
    if vm.removing is not None:
        return "RECREATING" if vm.why in REPLACED else "DELETING"
    if vm.failed is not None:
        return "NONE"
    if vm.run is None or vm.run > now:
        return "CREATING"
    healing = health.healing_check(world, fleet)
    if healing:
        check, delay = healing
        if not health.is_healthy(world, fleet, vm, check, now) and now < vm.run + delay:
            return "VERIFYING"
    return "NONE"


def camel_action(name: str) -> str:
    """The counter of an action."""
    return name.lower()


GROUP_MANAGER = GroupManager(
    service="instanceGroupManagers",
    collection="instanceGroupManagers",
    item="instance_group_manager",
    scope=Scope.ZONE,
    kind="compute#instanceGroupManager",
    noun="instance_group_manager",
    quota="INSTANCE_GROUP_MANAGERS",
    verbs=("insert", "get", "list", "aggregatedList", "patch"),
    immutable=("baseInstanceName",),
    references=(
        Reference(path="instanceTemplate"),
        Reference(path="versions[].instanceTemplate"),
        Reference(path="autoHealingPolicies[].healthCheck"),
        Reference(path="resourcePolicies.workloadPolicy"),
    ),
    fingerprint=True,
    bills=True,
)
