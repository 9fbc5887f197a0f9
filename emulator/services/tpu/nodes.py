"""TPU VMs ("nodes"): made by hand or for a queued resource, read, stopped, started, deleted; what their VMs tell of themselves.

1. A node bills from READY until it begins to stop, to be deleted or to be preempted. 2. Made by hand, it is there or not: without capacity its
operation ends with code 8. 3. What a VM writes to its guest attributes is read here, by worker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator.access import enforce
from emulator.billing import Usage
from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.compute import links, records
from emulator.services.compute.pages import page
from emulator.services.scoping import own
from emulator.services.tpu import catalog, operations, quota
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "tpu_nodes"
API = "tpu.googleapis.com"
FIELDS = ("description", "runtimeVersion", "networkConfig", "serviceAccount", "schedulingConfig", "labels", "metadata", "tags",
          "dataDisks", "shieldedInstanceConfig", "cidrBlock")  # fmt: skip
ID = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
PORT = 8470
SERVING = re.compile(r"guest-attributes/([\w.-]+)/([\w.-]+)")
EVERY = 30 * SECOND
"""How often a script that writes its guest attributes in a loop does."""

documented("tpu-bill", "A TPU VM bills by its chips while it is READY, by the second; its VM and its boot disk are part of that price.")
assumed("tpu-bill-minimum", "It bills at least a minute, as other VMs do.")
assumed("tpu-nat", "TPU VMs are VMs of a project of Google's: a NAT gateway's price does not count them.")
documented(
    "tpu-no-capacity", "Without capacity the operation that makes a node ends with code 8, 'There is no more capacity in the zone ...'."
)
documented("tpu-create-no-health", "What makes a node tells no health yet; a READY one is HEALTHY.")
documented(
    "tpu-guest-attributes", "getGuestAttributes answers what each worker wrote, if the node's metadata has enable-guest-attributes TRUE."
)
assumed(
    "tpu-startup-script",
    "A startup script is not run. Where it writes a guest attribute, every half minute each worker of a READY node has written to it the status of the "
    "model server's readiness path, the status of a prediction, and the time in seconds: 200 200 when the server answers, else 503 503, 000 000 before.",
)
assumed("tpu-names", "A node's and a queued resource's id follow the rule of Compute's names.")
assumed("tpu-subnetwork", "A node's network and subnetwork must be there, in the zone's region, and are in use while it is.")
assumed("tpu-act-as", "A node that names an account needs iam.serviceAccounts.actAs on it.")


def checked(call: Call, zone: str, identifier: str, given: Json, *, spot: bool) -> Json:
    """What is kept of a node to be made; raises 400 or 403."""
    world = call.world
    if not ID.fullmatch(identifier):
        raise ApiError(400, f"Invalid node id '{identifier}': it must match {ID.pattern}")
    kind = catalog.accelerator(call, zone, given)
    if given.get("runtimeVersion") not in catalog.RUNTIMES:
        raise catalog.bad_request(call, f"the runtime version {given.get('runtimeVersion')} was not found in zone {zone}")
    fields = {name: given[name] for name in FIELDS if given.get(name)}
    fields["networkConfig"] = _network(call, zone, given.get("networkConfig") or {})
    account = (given.get("serviceAccount") or {}).get("email", "")
    if account:
        enforce.require_on(call, API, "iam.serviceAccounts.actAs", f"projects/{world.project}/serviceAccounts/{account}")
    name = f"projects/{world.project}/locations/{zone}/nodes/{identifier}"
    if world.store.get(TAB, name) is not None:
        raise ApiError(409, f"Resource '{name}' already exists")
    if spot:
        fields["schedulingConfig"] = {"spot": True}
    return {"name": name, "zone": zone, "kind": kind.name, "spot": spot, "fields": fields}


def _network(call: Call, zone: str, given: Json) -> Json:
    world = call.world
    number = world.settings.project_number
    network = links.relative(given.get("network") or f"projects/{world.project}/global/networks/default", world.project, number)
    if records.find(world, network) is None:
        raise catalog.bad_request(call, f"the network {network} was not found")
    out = {**given, "network": network}
    if given.get("subnetwork"):
        subnetwork = links.relative(given["subnetwork"], world.project, number)
        if records.find(world, subnetwork) is None or links.part(subnetwork, "regions") != links.region_of_zone(zone):
            raise catalog.bad_request(call, f"the subnetwork {subnetwork} was not found in the region of zone {zone}")
        out["subnetwork"] = subnetwork
    return out


def make(world: World, wanted: Json, now: int, *, queued: str, operation: str) -> None:
    """A node that is being created."""
    workers = catalog.BY_NAME[wanted["kind"]].workers
    row = world.store.get("meta", "tpu_ip") or {"next": 2}
    world.store.put("meta", "tpu_ip", {"next": row["next"] + workers})
    ips = [f"10.{(row['next'] + n) // 62500 % 250}.{(row['next'] + n) // 250 % 250}.{2 + (row['next'] + n) % 250}" for n in range(workers)]
    node = {**wanted, "id": world.identity.numeric(), "state": "CREATING", "created": now, "ready": None, "serves": None, "ips": ips}
    world.store.put(TAB, wanted["name"], {**node, "queued": queued, "operation": operation})


def become_ready(world: World, name: str, now: int) -> None:
    """It is READY, and bills; its model server answers after the container has been pulled and the model loaded."""
    node = world.store.get(TAB, name)
    if node is None:
        return
    serves = now + world.durations.of("vm.container") + world.durations.of("vm.load")
    node = {**node, "state": "READY", "ready": now, "serves": serves}
    world.store.put(TAB, name, node)
    kind = catalog.BY_NAME[node["kind"]]
    sku = world.meter.prices.sku(kind.family, links.region_of_zone(node["zone"]), "spot" if node["spot"] else "on_demand")
    world.meter.open(Usage(resource=name, kind="tpu.nodes", sku=sku, quantity=Decimal(kind.chips), start=now, minimum=60))
    operations.answered(world, node["operation"], view(world, node, now))
    world.operations.finish(node["operation"], now)


def leave(world: World, name: str, state: str, now: int) -> None:
    """It is no longer READY, and bills no more."""
    node = world.store.get(TAB, name)
    if node is not None:
        world.store.put(TAB, name, {**node, "state": state, "serves": None})
        world.meter.close(name, now)


def remove(world: World, name: str, now: int) -> None:
    """It is gone; who was still making it is told."""
    node = world.store.get(TAB, name)
    if node is None:
        return
    leave(world, name, "DELETING", now)
    if node["ready"] is None:
        world.operations.finish(node["operation"], now, {"code": 1, "message": f"The operation on {name} was cancelled."})
    world.store.delete(TAB, name)


def no_capacity(zone: str) -> Json:
    """What an operation, and a queued resource, fails with where there is none."""
    text = f'There is no more capacity in the zone "{zone}"; you can try in another zone where Cloud TPU Nodes are offered (see https://cloud.google.com/tpu/docs/regions)'
    return {"code": 8, "message": text}


def create(call: Call) -> Json:
    """Make a node by hand."""
    zone = catalog.location(call, call.text("parent"))
    given = call.values.get("node") or {}
    spot = bool((given.get("schedulingConfig") or {}).get("spot") or (given.get("schedulingConfig") or {}).get("preemptible"))
    wanted = checked(call, zone, str(call.values.get("nodeId") or ""), given, spot=spot)
    quota.require(call, zone, wanted["kind"], spot=spot)
    effect = {"do": "tpu.node.create", "wanted": wanted}
    duration = call.world.durations.of("tpu.node.create")
    operation = operations.begin(call.world, call.now, wanted["name"], "create", duration=duration, effect=effect)
    make(call.world, wanted, call.now, queued="", operation=operation["key"])
    return operations.shown(operation)


def created(world: World, operation: Json, at: int) -> Json | None:
    """The end of a node's making by hand."""
    wanted = operation["effect"]["wanted"]
    if world.store.get(TAB, wanted["name"]) is None:
        return None
    if not world.faults.take_stock(wanted["zone"], wanted["kind"]):
        world.store.delete(TAB, wanted["name"])
        return no_capacity(wanted["zone"])
    become_ready(world, wanted["name"], at)
    return None


def find(call: Call) -> Json:
    """The node a call is about; raises 404."""
    catalog.location(call, call.text("name"))
    name = own(call.world, call.text("name"))
    node = call.world.store.get(TAB, name)
    if node is None:
        raise ApiError(404, f"Resource '{name}' was not found")
    return node


def view(world: World, node: Json, now: int) -> Json:
    """The node as clients see it."""
    del now
    kind = catalog.BY_NAME[node["kind"]]
    out = {
        "name": node["name"],
        "id": node["id"],
        "acceleratorType": kind.name,
        "acceleratorConfig": {"type": kind.config, "topology": kind.topology},
        "state": node["state"],
        "createTime": utc(node["created"]),
        "apiVersion": "V2",
        **node["fields"],
    }
    if node["state"] == "READY":
        out["health"] = "HEALTHY"
    if node["ips"] and node["state"] != "CREATING":
        out["networkEndpoints"] = [{"ipAddress": ip, "port": PORT} for ip in node["ips"]]
    if node["queued"]:
        out["queuedResource"] = node["queued"].replace(f"projects/{world.project}/", f"projects/{world.settings.project_number}/", 1)
    return out


def get(call: Call) -> Json:
    """Read a node."""
    return view(call.world, find(call), call.now)


def list_(call: Call) -> Json:
    """The nodes of a zone."""
    zone = catalog.location(call, call.text("parent"))
    rows = [view(call.world, node, call.now) for _, node in call.world.store.items(TAB) if node["zone"] == zone]
    size = min(int(call.values.get("pageSize") or 100), 1000, 500)
    chosen, token = page({"max_results": size, "page_token": call.values.get("pageToken")}, rows)
    return {**({"nodes": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def stop(call: Call) -> Json:
    """Stop a node of one VM."""
    return _switch(call, "READY", "STOPPING", "stop")


def start(call: Call) -> Json:
    """Start a stopped node."""
    return _switch(call, "STOPPED", "STARTING", "start")


def _switch(call: Call, before: str, meanwhile: str, verb: str) -> Json:
    node = find(call)
    if node["state"] != before or catalog.BY_NAME[node["kind"]].workers > 1:
        raise ApiError(400, f"Cannot {verb} a node of {len(node['ips'])} VMs that is {node['state']}.", status_name="FAILED_PRECONDITION")
    leave(call.world, node["name"], meanwhile, call.now)
    effect = {"do": f"tpu.node.{verb}", "name": node["name"]}
    duration = call.world.durations.of(f"tpu.node.{verb}")
    return operations.shown(operations.begin(call.world, call.now, node["name"], verb, duration=duration, effect=effect))


def switched(world: World, operation: Json, at: int) -> Json | None:
    """The end of a stop or a start."""
    name = operation["effect"]["name"]
    node = world.store.get(TAB, name)
    if node is not None and operation["verb"] == "stop":
        world.store.put(TAB, name, {**node, "state": "STOPPED"})
    elif node is not None:
        become_ready(world, name, at)
    return None


def attributes(call: Call) -> Json:
    """What each worker of a node has written to its guest attributes."""
    node = find(call)
    metadata = node["fields"].get("metadata", {})
    if str(metadata.get("enable-guest-attributes", "")).upper() != "TRUE":
        raise ApiError(400, "Guest attributes are not enabled for this node.", status_name="FAILED_PRECONDITION")
    query = str(call.values.get("queryPath") or "").strip("/")
    asked = [str(worker) for worker in call.values.get("workerIds") or []] or [str(number) for number in range(len(node["ips"]))]
    items = [each for each in _written(call.world, node, call.now) if not query or f"{each['namespace']}/{each['key']}".startswith(query)]
    return {"guestAttributes": [{"queryPath": query, "queryValue": {"items": items}} for _ in asked]}


def _written(world: World, node: Json, now: int) -> Iterator[Json]:
    if node["state"] != "READY":
        return
    last = node["ready"] + (now - node["ready"]) // EVERY * EVERY
    ill = world.faults.unhealthy_since(node["name"].rpartition("/")[2], "")
    status = "503" if ill is not None and ill <= last else "200" if node["serves"] is not None and node["serves"] <= last else "000"
    for namespace, key in SERVING.findall(node["fields"].get("metadata", {}).get("startup-script", "")):
        yield {"namespace": namespace, "key": key, "value": f"{status} {status} {last // SECOND}"}
