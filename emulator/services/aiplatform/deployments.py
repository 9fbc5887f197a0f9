"""What is deployed on endpoints: a fleet of replicas of its own, taken from quota and stock, and billed.

1. A deployment takes its time, holds its quota from the request on, and ends with the deployed model, or with an error and without. 2. Quota is
charged at the most replicas, stock at those that run: the least. 3. An endpoint takes one change of what is deployed at a time. 4. What bears
traffic is undeployed only by taking that away with it, unless it is the last.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator.access.enforce import require_on
from emulator.billing import Usage
from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.aiplatform import endpoints, models, operations
from emulator.services.aiplatform.naming import API, HEAD, TYPE, failed, region, shown
from emulator.services.compute.catalog import MACHINES, REGIONS, machine_zones
from emulator.services.logging import entries
from emulator.services.scoping import own
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
ID = re.compile(r"[0-9]{1,10}")
TOPOLOGIES = {4: "2x2x1", 1: "1x1", 8: "2x4"}
KIND = "aiplatform.deployedModels"
LONGEST = 7200
NEVER_READY = 3
"""google.rpc.Code a deployment ends with whose container never becomes ready."""
documented("vertex-deployed-id", "A deployed model's id is 1 to 10 digits, the client's if it gives one.")
documented("vertex-replicas", "min_replica_count is at least 1; max_replica_count defaults to it; quota is charged at the most.")
documented(
    "vertex-undeploy-traffic", "A deployed model with traffic is undeployed only if the call takes its traffic away, or it is the last."
)
documented("vertex-deploy-timeout", "A deployment that is not up by its model's deployment timeout, at most two hours, fails.")
documented("vertex-act-as", "Deploying under a service account needs iam.serviceAccounts.actAs on it.")
documented("vertex-mutable", "Of a deployed model only the numbers of replicas, metrics and logging can be changed.")
assumed(
    "vertex-quota-words",
    "A deployment over quota is a 429 RESOURCE_EXHAUSTED naming aiplatform.googleapis.com/custom_model_serving_tpu7x, counted in chips.",
)
assumed(
    "vertex-stock",
    "Without stock a deployment ends after a while with code 8, 'Machine type temporarily unavailable'; stock is that of the region's zones.",
)
assumed(
    "vertex-bad-image",
    "A container that never becomes ready fails the deployment at its timeout with code 3, 'Model server never became ready'.",
)
documented(
    "vertex-container-log", "What containers write is in the log prediction_container of resource aiplatform.googleapis.com/Endpoint."
)
assumed("vertex-log-errors", "Of containers that log shows one ERROR for each deployment that never became ready, and nothing else.")
assumed("vertex-default-timeout", "A model without a deployment timeout has 30 minutes.")
assumed("vertex-one-change", "An endpoint takes one deploy, undeploy or mutation at a time; another is a 400 FAILED_PRECONDITION.")
assumed("vertex-undeploy-missing", "Undeploying what is not deployed is a 404.")
assumed("vertex-replicas-run", "The least number of replicas runs; load does not add any.")
assumed("vertex-bill", "Replicas bill by the second, at least a minute, from the end of their deployment to that of their undeployment; createTime is the former.")  # fmt: skip


def deploy(call: Call) -> Json:
    """Deploy a model to an endpoint."""
    world, row, given = call.world, endpoints.find(call, call.text("endpoint")), call.values.get("resource") or {}
    name = row["endpoint"]["name"]
    wanted = given.get("deployedModel") or {}
    model = models.find(call, str(wanted.get("model") or f"projects/{world.project}/locations/{region(name)}/models/-"))
    identifier = str(wanted.get("id") or world.identity.numeric()[:10])
    if ID.fullmatch(identifier) is None:
        raise ApiError(400, f"Invalid DeployedModel id {identifier!r}: 1 to 10 digits.")
    if identifier in row["deployed"]:
        raise ApiError(409, f"DeployedModel {identifier} is already deployed on {shown(world, name)}.")
    _alone(world, name)
    resources = _resources(wanted.get("dedicatedResources") or {}, region(name))
    if account := wanted.get("serviceAccount"):
        require_on(call, API, "iam.serviceAccounts.actAs", f"projects/{world.project}/serviceAccounts/{account}")
    _within_quota(world, region(name), resources, resources["maxReplicaCount"])
    split = {identifier if key == "0" else key: value for key, value in (given.get("trafficSplit") or {}).items()}
    endpoints.checked(split, {**row["deployed"], identifier: None})
    deployed = {**wanted, "id": identifier, "model": model["name"], "modelVersionId": model["versionId"], "dedicatedResources": resources}
    deployed.setdefault("displayName", model["displayName"])
    duration, error, zones = _outcome(world, call.method, model, resources, region(name))
    deployed["zones"] = zones
    effect = {"do": "vertex.deploy", "endpoint": name, "deployed": deployed, "split": split, "error": error}
    response = {"@type": TYPE + "DeployModelResponse", "deployedModel": endpoints.deployed_view(world, deployed)}
    return operations.begin(call, name, "DeployModelOperationMetadata", duration=duration, effect=effect, response=response)


def undeploy(call: Call) -> Json:
    """Take a deployed model off its endpoint."""
    world, row, given = call.world, endpoints.find(call, call.text("endpoint")), call.values.get("resource") or {}
    name, identifier = row["endpoint"]["name"], str(given.get("deployedModelId") or "")
    if identifier not in row["deployed"]:
        raise ApiError(404, f"DeployedModel {identifier!r} is not found on Endpoint {shown(world, name)}.")
    _alone(world, name)
    rest = {key: value for key, value in row["deployed"].items() if key != identifier}
    split = endpoints.checked(given["trafficSplit"], rest) if given.get("trafficSplit") else row["split"]
    if rest and identifier in split:
        raise failed(
            f"DeployedModel {identifier} has {split[identifier]}% of the traffic of its Endpoint; take it away with traffic_split."
        )
    effect = {"do": "vertex.undeploy", "endpoint": name, "id": identifier, "split": split if rest else {}}
    duration = world.durations.of(call.method)
    response = {"@type": TYPE + "UndeployModelResponse"}
    return operations.begin(call, name, "UndeployModelOperationMetadata", duration=duration, effect=effect, response=response)


def mutate(call: Call) -> Json:
    """Change how many replicas a deployed model may have."""
    world, row, given = call.world, endpoints.find(call, call.text("endpoint")), call.values.get("resource") or {}
    name, wanted = row["endpoint"]["name"], given.get("deployedModel") or {}
    old = row["deployed"].get(str(wanted.get("id") or ""))
    if old is None:
        raise ApiError(404, f"DeployedModel {wanted.get('id')!r} is not found on Endpoint {shown(world, name)}.")
    _alone(world, name)
    fields = {re.sub(r"_", "", each.rpartition(".")[2]).lower() for each in str(given.get("updateMask") or "").split(",")}
    if not fields or not fields <= {"minreplicacount", "maxreplicacount"}:
        raise ApiError(400, "Only min_replica_count and max_replica_count can be mutated here.")
    asked = wanted.get("dedicatedResources") or {}
    changed = {key: asked[key] for key in ("minReplicaCount", "maxReplicaCount") if key.lower() in fields and key in asked}
    resources = _resources({**old["dedicatedResources"], **changed}, region(name))
    more = resources["maxReplicaCount"] - old["dedicatedResources"]["maxReplicaCount"]
    _within_quota(world, region(name), resources, max(0, more))
    grown = resources["minReplicaCount"] - old["dedicatedResources"]["minReplicaCount"]
    zones = _taken(world, resources["machineSpec"]["machineType"], region(name), grown)
    if zones is None:
        raise ApiError(429, _no_stock(), status_name="RESOURCE_EXHAUSTED")
    effect = {"do": "vertex.mutate", "endpoint": name, "id": old["id"], "resources": resources, "zones": zones}
    duration = world.durations.of(call.method)
    deployed = endpoints.deployed_view(world, {**old, "dedicatedResources": resources})
    response = {"@type": TYPE + "MutateDeployedModelResponse", "deployedModel": deployed}
    return operations.begin(call, name, "MutateDeployedModelOperationMetadata", duration=duration, effect=effect, response=response)


def _alone(world: World, name: str) -> None:
    if operations.running(world, name):
        raise failed(f"There are other operations running on Endpoint {shown(world, name)}. Wait for them to finish.")


def _resources(given: Json, where: str) -> Json:
    """Dedicated resources with their defaults; raises 400."""
    machine = given.get("machineSpec") or {}
    kind = machine.get("machineType", "")
    least = int(given.get("minReplicaCount") or 0)
    most = int(given.get("maxReplicaCount") or least)
    if kind not in MACHINES or not MACHINES[kind]["chips"] or not set(machine_zones(kind)) & set(REGIONS[where]):
        raise ApiError(400, f"Machine type {kind!r} is not supported for deployment in {where}.")
    if machine.get("tpuTopology") != TOPOLOGIES[MACHINES[kind]["chips"]]:
        raise ApiError(400, f"tpu_topology of a {kind} is {TOPOLOGIES[MACHINES[kind]['chips']]}, not {machine.get('tpuTopology')!r}.")
    if least < 1:
        raise ApiError(400, "dedicated_resources.min_replica_count must be at least 1.")
    if most < least:
        raise ApiError(400, "dedicated_resources.max_replica_count is less than min_replica_count.")
    return {**given, "minReplicaCount": least, "maxReplicaCount": most}


def chips(resources: Json) -> int:
    """Chips of one replica."""
    return int(MACHINES[resources["machineSpec"]["machineType"]]["chips"])


def _within_quota(world: World, where: str, resources: Json, more: int) -> None:
    spot = bool(resources.get("spot"))
    used = sum(
        each["dedicatedResources"]["maxReplicaCount"] * chips(each["dedicatedResources"])
        for each in _held(world, where)
        if bool(each["dedicatedResources"].get("spot")) == spot
    )
    if more and used + more * chips(resources) > world.quotas.vertex_chips(where, spot=spot):
        metric = f"{API}/custom_model_serving_{'preemptible_' if spot else ''}tpu7x"
        raise ApiError(429, f"The following quota metrics exceed quota limits: {metric}", status_name="RESOURCE_EXHAUSTED")


def _held(world: World, where: str) -> list[Json]:
    """Everything deployed in a region, or on its way."""
    out = []
    for name, row in world.store.items(endpoints.TAB):
        if region(name) == where:
            out += row["deployed"].values()
            out += [op["effect"]["deployed"] for op in operations.running(world, name) if op["effect"]["do"] == "vertex.deploy"]
    return out


def _outcome(world: World, method: str, model: Json, resources: Json, where: str) -> tuple[int, Json | None, list[str]]:
    """How long a deployment takes, the error it ends with if any, and the zones its replicas are in."""
    container = model.get("containerSpec", {})
    limit = min(LONGEST, int(float(str(container.get("deploymentTimeout", "1800s")).rstrip("s"))))
    duration = world.durations.of(method)
    if any(fault.spec["image"] in container.get("imageUri", "") for fault in world.faults.of("bad_image")) or duration > limit * SECOND:
        said = "Model server never became ready. Please validate that your model file or container configuration are valid."
        return limit * SECOND, {"code": NEVER_READY, "message": said}, []
    zones = _taken(world, resources["machineSpec"]["machineType"], where, resources["minReplicaCount"])
    if zones is None:
        return world.durations.of("vertex.stock_wait"), {"code": 8, "message": _no_stock()}, []
    return duration, None, zones


def _no_stock() -> str:
    return "Machine type temporarily unavailable, please deploy with a different machine type or retry."


def _taken(world: World, machine: str, where: str, replicas: int) -> list[str] | None:
    """Take so many VMs out of the stock of a region's zones; None, and nothing taken, where there are not enough."""
    taken: list[str] = []
    for _ in range(max(0, replicas)):
        zone = next((zone for zone in REGIONS[where] if zone in machine_zones(machine) and world.faults.take_stock(zone, machine)), None)
        if zone is None:
            for each in taken:
                world.faults.return_stock(each, machine)
            return None
        taken.append(zone)
    return taken


def deployed_now(world: World, operation: Json, at: int) -> Json | None:
    """The effect of a deployment."""
    effect = operation["effect"]
    row = world.store.get(endpoints.TAB, effect["endpoint"])
    if effect["error"] or row is None:
        error: Json = effect["error"] or {"code": 5, "message": "The endpoint is gone."}
        if error["code"] == NEVER_READY:
            _logged(world, effect["endpoint"], effect["deployed"]["id"], error["message"], at)
        return error
    deployed = {**effect["deployed"], "createTime": utc(at), "status": _status(effect["deployed"]["dedicatedResources"], at)}
    held = {**row["deployed"], deployed["id"]: deployed}
    split = endpoints.checked(effect["split"], held) if effect["split"] else row["split"]
    endpoints.save(world, {**row, "deployed": held, "split": split, "updated": at})
    _bills(world, effect["endpoint"], deployed, at)
    return None


def _logged(world: World, endpoint: str, deployed: str, text: str, at: int) -> None:
    """What the container's log of an endpoint has of a deployment that failed."""
    labels = {"project_id": world.project, "location": region(endpoint), "endpoint_id": endpoint.rpartition("/")[2]}
    entry = {
        "logName": f"projects/{world.project}/logs/aiplatform.googleapis.com%2Fprediction_container",
        "resource": {"type": "aiplatform.googleapis.com/Endpoint", "labels": labels},
        "labels": {"deployed_model_id": deployed},
        "severity": "ERROR",
        "textPayload": text,
        "timestamp": utc(at),
        "receiveTimestamp": utc(at),
        "insertId": world.identity.letters(14),
    }
    entries.take(world, entry, at)


def undeployed_now(world: World, operation: Json, at: int) -> Json | None:
    """The effect of an undeployment."""
    effect = operation["effect"]
    row = world.store.get(endpoints.TAB, effect["endpoint"])
    if row is None or effect["id"] not in row["deployed"]:
        return None
    gone = row["deployed"][effect["id"]]
    rest = {key: value for key, value in row["deployed"].items() if key != effect["id"]}
    endpoints.save(world, {**row, "deployed": rest, "split": effect["split"], "updated": at})
    for zone in gone["zones"]:
        world.faults.return_stock(zone, gone["dedicatedResources"]["machineSpec"]["machineType"])
    world.meter.close(resource_of(effect["endpoint"], effect["id"]), at)
    return None


def mutated_now(world: World, operation: Json, at: int) -> Json | None:
    """The effect of a mutation."""
    effect = operation["effect"]
    row = world.store.get(endpoints.TAB, effect["endpoint"])
    if row is None or effect["id"] not in row["deployed"]:
        return None
    old, resources = row["deployed"][effect["id"]], effect["resources"]
    machine = resources["machineSpec"]["machineType"]
    zones = [*old["zones"], *effect["zones"]]
    for zone in zones[resources["minReplicaCount"] :]:
        world.faults.return_stock(zone, machine)
    new = {**old, "dedicatedResources": resources, "zones": zones[: resources["minReplicaCount"]], "status": _status(resources, at)}
    endpoints.save(world, {**row, "deployed": {**row["deployed"], effect["id"]: new}, "updated": at})
    if resources["minReplicaCount"] != old["dedicatedResources"]["minReplicaCount"]:
        world.meter.close(resource_of(effect["endpoint"], effect["id"]), at)
        _bills(world, effect["endpoint"], new, at)
    return None


def _status(resources: Json, at: int) -> Json:
    return {"availableReplicaCount": resources["minReplicaCount"], "lastUpdateTime": utc(at)}


def resource_of(endpoint: str, identifier: str) -> str:
    """What the bill calls a deployed model."""
    return f"{endpoint}/deployedModels/{identifier}"


def _bills(world: World, endpoint: str, deployed: Json, at: int) -> None:
    resources = deployed["dedicatedResources"]
    family = f"vertex-{MACHINES[resources['machineSpec']['machineType']]['family']}"
    sku = world.meter.prices.sku(family, region(endpoint), "spot" if resources.get("spot") else "on_demand")
    quantity = Decimal(chips(resources) * resources["minReplicaCount"])
    resource = resource_of(own(world, endpoint), deployed["id"])
    world.meter.open(Usage(resource=resource, kind=KIND, sku=sku, quantity=quantity, start=at, minimum=60))


HANDLERS = {HEAD + f"endpoints.{verb}": handler for verb, handler in
            {"deployModel": deploy, "undeployModel": undeploy, "mutateDeployedModel": mutate}.items()}  # fmt: skip
