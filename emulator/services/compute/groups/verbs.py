"""Verbs of instance group managers and of their instance groups that no other kind has."""

from __future__ import annotations

from typing import Any

from emulator import errors
from emulator.call import Call, Handler
from emulator.rules import assumed, documented
from emulator.services.compute import links, pages, records
from emulator.services.compute.autoscalers import refuse_resize
from emulator.services.compute.begin import begin
from emulator.services.compute.catalog import REGIONS, check_place
from emulator.services.compute.groups import health
from emulator.services.compute.groups.abandon import abandon
from emulator.services.compute.groups.bulk import is_bulk
from emulator.services.compute.groups.fleet import Fleet, Vm, group_link, instance_link, manager_link
from emulator.services.compute.groups.kind import GROUP_MANAGER, action, check_size
from emulator.services.compute.verbs import existing, listing, repeated, start_change
from emulator.times import shown

Json = dict[str, Any]
documented(
    "delete-instances",
    "deleteInstances takes at most 1,000 named VMs, lowers targetSize by them, and its operation ends once they are flagged.",
)
documented("resize-done-early", "A resize operation is done when the size is set, not when the VMs are there.")
assumed("delete-instances-again", "A VM already being deleted is passed over by deleteInstances; a name that is no member is a 400.")
assumed("group-writes-overlap", "Resize, deleteInstances and recreateInstances act at once and do not hold the group.")

MANAGER = "compute.instanceGroupManagers."


def _open(call: Call) -> tuple[str, Json]:
    """The manager a call is about, if it can be written to."""
    link, record = existing(GROUP_MANAGER, call)
    if record["state"] in {"CREATING", "DELETING"}:
        raise errors.not_ready(link)
    return link, record


def _flag(call: Call, link: str, record: Json, operation_type: str) -> Json:
    return begin(call, link, record["resource"]["id"], operation_type, None)


def resize(call: Call) -> Json:
    """Set the target size; the group picks its own victims."""
    if earlier := repeated(call):
        return earlier
    link, record = _open(call)
    size = int(call.values["size"])
    refuse_resize(call.world, link)
    check_size(record["resource"], size)
    target = record["resource"]["targetSize"]
    if is_bulk(record["resource"]) and (size not in {0, target}) and call.world.groups.fleets.get(link).vms:
        raise errors.invalid("size", size, "A bulk group grows only from 0 VMs.")
    records.put(call.world, link, {**record, "resource": {**record["resource"], "targetSize": size}})
    call.world.groups.act(link, call.now)
    return _flag(call, link, record, "compute.instanceGroupManagers.resize")


def _named(call: Call, fleet: Fleet) -> list[Vm]:
    names = [links.name_of(text) for text in call.body.get("instances", [])]
    if not names:
        raise errors.required("instances")
    if len(names) > 1000:
        raise errors.invalid("instances", len(names), "At most 1000 instances can be given in one request.")
    skip = bool(call.body.get("skipInstancesOnValidationError"))
    out = []
    for name in dict.fromkeys(names):
        vm = fleet.vms.get(name)
        if vm is None and not skip:
            link = instance_link(fleet.link, name)
            raise errors.invalid("instances", link, f"Instance '{link}' is not a member of '{fleet.link}'.")
        if vm is not None:
            out.append(vm)
    return out


def delete_instances(call: Call) -> Json:
    """Drain and delete the named VMs, and lower the target size by them."""
    if earlier := repeated(call):
        return earlier
    link, record = _open(call)
    groups = call.world.groups
    fleet = groups.fleets.get(link)
    going = [vm for vm in _named(call, fleet) if vm.live]
    size = max(0, record["resource"]["targetSize"] - len(going))
    records.put(call.world, link, {**record, "resource": {**record["resource"], "targetSize": size}})
    groups.fleets.put(groups.removed(fleet, going, shown(call.now), "delete"))
    groups.act(link, call.now)
    return _flag(call, link, record, "compute.instanceGroupManagers.deleteInstances")


def abandon_instances(call: Call) -> Json:
    """Let the named VMs go without deleting them."""
    if earlier := repeated(call):
        return earlier
    link, record = _open(call)
    going = [vm for vm in _named(call, call.world.groups.fleets.get(link)) if vm.live]
    abandon(call, link, record, going)
    return _flag(call, link, record, "compute.instanceGroupManagers.abandonInstances")


def recreate_instances(call: Call) -> Json:
    """Delete the named VMs and make them anew, under their names, from the group's template."""
    if earlier := repeated(call):
        return earlier
    link, record = _open(call)
    groups = call.world.groups
    fleet = groups.fleets.get(link)
    going = [vm for vm in _named(call, fleet) if vm.live]
    groups.fleets.put(groups.removed(fleet, going, shown(call.now), "recreate"))
    groups.act(link, call.now)
    return _flag(call, link, record, "compute.instanceGroupManagers.recreateInstances")


def set_instance_template(call: Call) -> Json:
    """Name another template; what becomes of the VMs the update policy says."""
    if earlier := repeated(call):
        return earlier
    link, record = _open(call)
    if not call.body.get("instanceTemplate"):
        raise errors.required("instanceTemplate")
    settings = call.world.settings
    template = links.relative(call.body["instanceTemplate"], settings.project, settings.project_number)
    if records.find(call.world, template) is None:
        raise errors.not_found(template)
    old = record["resource"]
    new = GROUP_MANAGER.check_change(call, old, {**old, "instanceTemplate": template, "versions": [{"instanceTemplate": template}]})
    return start_change(call, link, record, new, "compute.instanceGroupManagers.setInstanceTemplate")


def delete(call: Call) -> Json:
    """Delete the group with all its VMs; refused while it is a backend."""
    if earlier := repeated(call):
        return earlier
    link, record = _open(call)
    user = next(iter(records.users_of(call.world, link)), None)
    if user:
        raise errors.in_use(GROUP_MANAGER.noun, link, user)
    groups = call.world.groups
    fleet = groups.fleets.get(link)
    going = groups.removed(fleet, [vm for vm in fleet.vms.values() if vm.live], shown(call.now), "delete")
    nothing = not going.vms
    duration = call.world.durations.of(call.method) if nothing else None
    effect = {"do": "compute.deleted", "link": link} if nothing else None
    answer = begin(call, link, record["resource"]["id"], "delete", effect, duration=duration)
    key = links.relative(answer["selfLink"], call.world.project, call.world.settings.project_number)
    records.put(call.world, link, {**record, "state": "DELETING"})
    if nothing:
        groups.fleets.drop(link)
        groups.forget()
    else:
        groups.fleets.put(Fleet(link=link, vms=going.vms, errors=going.errors, deleting=key))
        groups.act(link, call.now)
    return answer


def list_managed_instances(call: Call) -> Json:
    """The group's VMs with what it is doing with them."""
    link, record = existing(GROUP_MANAGER, call)
    fleet = call.world.groups.fleets.get(link)
    items = [managed(call, fleet, vm) for vm in fleet.vms.values()]
    if record["resource"].get("listManagedInstancesResults") == "PAGINATED":
        items, token = pages.page(call.values, items)
    else:
        items, token = pages.filtered(items, call.values.get("filter")), None
    return {**({"managedInstances": items} if items else {}), **({"nextPageToken": token} if token else {})}


def managed(call: Call, fleet: Fleet, vm: Vm) -> Json:
    """One entry of listManagedInstances."""
    world = call.world
    out: Json = {
        "instance": links.absolute(instance_link(fleet.link, vm.name), call.version),
        "name": vm.name,
        "currentAction": action(world, fleet, vm, call.now),
        "version": {"instanceTemplate": links.absolute(vm.template, call.version)},
    }
    status = vm.status(call.now, world.durations.of("vm.provision"))
    if status:
        out["id"] = vm.id
        out["instanceStatus"] = status
    if vm.failure:
        last = next((error for error in reversed(fleet.errors) if error["vm"] == vm.name), None)
        if last:
            out["lastAttempt"] = {"errors": {"errors": [{"code": last["code"], "message": last["message"]}]}}
    healing = health.healing_check(world, fleet)
    if healing and status == "RUNNING":
        manager = records.resource(world, fleet.link) or {}
        healthy = health.is_healthy(world, fleet, vm, healing[0], call.now)
        state = "HEALTHY" if healthy else "UNHEALTHY" if action(world, fleet, vm, call.now) == "NONE" else "TIMEOUT"
        check = links.absolute(manager["autoHealingPolicies"][0]["healthCheck"], call.version)
        out["instanceHealth"] = [{"healthCheck": check, "detailedHealthState": state}]
    return out


def list_errors(call: Call) -> Json:
    """What the group could not do, newest last."""
    link, _ = existing(GROUP_MANAGER, call)
    fleet = call.world.groups.fleets.get(link)
    items = [
        {
            "error": {"code": error["code"], "message": error["message"]},
            "instanceActionDetails": {
                "action": "CREATING",
                "instance": links.absolute(instance_link(link, error["vm"]), call.version),
                "version": {"instanceTemplate": links.absolute(error["template"], call.version)},
            },
            "timestamp": error["at"],
        }
        for error in fleet.errors
    ]
    items, token = pages.page(call.values, items)
    return {**({"items": items} if items else {}), **({"nextPageToken": token} if token else {})}


# -- instance groups, derived from their managers -------------------------------------------------------------------------


def _group(call: Call, link: str, record: Json) -> Json:
    fleet = call.world.groups.fleets.get(link)
    manager = record["resource"]
    properties = (records.resource(call.world, manager["instanceTemplate"]) or {}).get("properties", {})
    nic = (properties.get("networkInterfaces") or [{}])[0]
    group = group_link(link)
    out: Json = {
        "kind": "compute#instanceGroup",
        "id": manager["id"],
        "creationTimestamp": manager["creationTimestamp"],
        "name": manager["name"],
        "description": "This instance group is controlled by Instance Group Manager '" + manager["name"] + "'. To modify instances in this "
        "group, use the Instance Group Manager API.",
        "zone": links.absolute("/".join(link.split("/")[:4]), call.version),
        "selfLink": links.absolute(group, call.version),
        "size": sum(1 for vm in fleet.vms.values() if vm.run is not None),
        "fingerprint": records.content_fingerprint(manager),
    }
    if manager.get("namedPorts"):
        out["namedPorts"] = manager["namedPorts"]
    for name in ("network", "subnetwork"):
        if nic.get(name):
            out[name] = links.absolute(nic[name], call.version)
    return out


def _group_record(call: Call) -> tuple[str, Json]:
    check_place(call)
    group = f"projects/{call.world.project}/zones/{call.values['zone']}/instanceGroups/{call.values['instance_group']}"
    link = manager_link(group)
    record = records.find(call.world, link)
    if record is None or record["state"] == "CREATING":
        raise errors.not_found(group)
    return link, record


def _groups(call: Call, prefix: str) -> list[Json]:
    found = records.of_service(call.world, "instanceGroupManagers")
    return [_group(call, link, record) for link, record in sorted(found, key=lambda item: item[0]) if link.startswith(prefix)]


def get_group(call: Call) -> Json:
    """Read an instance group."""
    return _group(call, *_group_record(call))


def list_groups(call: Call) -> Json:
    """The instance groups of a zone."""
    check_place(call)
    prefix = f"projects/{call.world.project}/zones/{call.values['zone']}/"
    items, token = pages.page(call.values, _groups(call, prefix))
    return listing("compute#instanceGroup", prefix + "instanceGroups", items, token, call)


def aggregated_groups(call: Call) -> Json:
    """The instance groups of all zones."""
    check_place(call)
    project = f"projects/{call.world.project}"
    scopes = ((f"zones/{zone}", _groups(call, f"{project}/zones/{zone}/")) for zones in REGIONS.values() for zone in zones)
    return {"kind": "compute#instanceGroupAggregatedList", "items": pages.aggregated(scopes, "instanceGroups", call.values)}


def list_group_instances(call: Call) -> Json:
    """The VMs of an instance group."""
    link, record = _group_record(call)
    fleet = call.world.groups.fleets.get(link)
    ports = record["resource"].get("namedPorts", [])
    items = []
    for vm in fleet.vms.values():
        status = vm.status(call.now, call.world.durations.of("vm.provision"))
        if status and (call.body.get("instanceState", "ALL") == "ALL" or status == "RUNNING"):
            entry: Json = {"instance": links.absolute(instance_link(link, vm.name), call.version), "status": status}
            items.append({**entry, "namedPorts": ports} if ports else entry)
    items, token = pages.page(call.values, items)
    return listing("compute#instanceGroupsListInstances", group_link(link) + "/listInstances", items, token, call)


HANDLERS: dict[str, Handler] = {
    MANAGER + "resize": resize,
    MANAGER + "deleteInstances": delete_instances,
    MANAGER + "recreateInstances": recreate_instances,
    MANAGER + "abandonInstances": abandon_instances,
    MANAGER + "setInstanceTemplate": set_instance_template,
    MANAGER + "delete": delete,
    MANAGER + "listManagedInstances": list_managed_instances,
    MANAGER + "listErrors": list_errors,
    "compute.instanceGroups.get": get_group,
    "compute.instanceGroups.list": list_groups,
    "compute.instanceGroups.aggregatedList": aggregated_groups,
    "compute.instanceGroups.listInstances": list_group_instances,
}
