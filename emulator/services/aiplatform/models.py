"""Models: a container to serve with, and where its weights are.

1. A model's id may be the client's. 2. What it is made of is fixed; labels and texts can be changed. 3. One that is deployed, or being
deployed, is not deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.identity import fingerprint
from emulator.rules import assumed, documented
from emulator.services.aiplatform import operations
from emulator.services.aiplatform.naming import HEAD, TYPE, failed, missing, parent, shown
from emulator.services.scoping import listed, masked, own
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "vertex_models"
USERS = "vertex_endpoints"
ID = re.compile(r"[a-z_][a-z0-9_-]{0,62}")
FIXED = ("containerSpec", "artifactUri")
CHANGEABLE = ("displayName", "description", "labels")
documented("vertex-model-id", "A model's id is up to 63 of [a-z0-9_-] and begins with neither digit nor hyphen.")
documented("vertex-model-fixed", "A model's container and artifacts are immutable; labels, display name and description can be updated.")
documented("vertex-model-in-use", "A model that is deployed to an endpoint cannot be deleted: 400 FAILED_PRECONDITION.")
assumed("vertex-model-twice", "Uploading a model under an id that is there is a 409 ALREADY_EXISTS; new versions of it are not emulated.")


def upload(call: Call) -> Json:
    """Register a model."""
    world, given = call.world, (call.values.get("resource") or {})
    where, model, identifier = parent(call), given.get("model") or {}, given.get("modelId") or world.identity.numeric()
    if given.get("parentModel"):
        raise ApiError(501, "Versions of a model are not emulated; upload another model.")
    if given.get("modelId") and ID.fullmatch(identifier) is None:
        raise ApiError(400, f"Invalid model_id {identifier!r}: up to 63 of [a-z0-9_-], the first neither a digit nor a hyphen.")
    if not model.get("displayName"):
        raise ApiError(400, "Required field model.display_name is not set.")
    if not model.get("containerSpec", {}).get("imageUri"):
        raise ApiError(400, "model.container_spec.image_uri is required.")
    name = f"{where}/models/{identifier}"
    if world.store.get(TAB, name) is not None or operations.running(world, name):
        raise ApiError(409, f"Model {name} already exists.")
    at = utc(call.now)
    row = {**model, "name": name, "versionId": "1", "versionAliases": ["default"], "createTime": at, "updateTime": at}
    response = {"@type": TYPE + "UploadModelResponse", "model": shown(world, name), "modelVersionId": "1"}
    effect = {"do": "vertex.model", "row": row}
    duration = world.durations.of(call.method)
    return operations.begin(call, name, "UploadModelOperationMetadata", duration=duration, effect=effect, response=response)


def get(call: Call) -> Json:
    """Read a model."""
    return view(call.world, find(call, call.text("name")))


def list_(call: Call) -> Json:
    """The models of a location."""
    if call.values.get("filter"):
        raise ApiError(501, "Filters of models.list are not emulated.")
    head = f"{parent(call)}/models/"
    return listed(call, "models", [view(call.world, row) for name, row in call.world.store.items(TAB) if name.startswith(head)])


def patch(call: Call) -> Json:
    """Change labels or texts."""
    row = find(call, call.text("name"))
    mask = str(call.values.get("updateMask") or "")
    for field in filter(None, mask.replace("_", "").lower().split(",")):
        if field.partition(".")[0] not in {each.lower() for each in CHANGEABLE}:
            raise ApiError(400, f"Field {field} of a model is immutable.")
    new = {**masked(row, call.values.get("resource") or {}, mask), "updateTime": utc(call.now)}
    call.world.store.put(TAB, row["name"], new)
    return view(call.world, new)


def delete(call: Call) -> Json:
    """Delete a model nobody serves."""
    world, row = call.world, find(call, call.text("name"))
    users = [f"{name}: {each}" for name, each in users_of(world, row["name"])]
    if users:
        raise failed(
            f'The Model "{shown(world, row["name"])}" is deployed or being deployed at the following Endpoint(s): {", ".join(users)}.'
        )
    effect = {"do": "vertex.model", "name": row["name"]}
    return operations.begin(call, row["name"], "DeleteOperationMetadata", duration=world.durations.of(call.method), effect=effect)


def find(call: Call, given: str) -> Json:
    """A model's row; its name may end in ``@`` and a version. Raises 404."""
    name = own(call.world, given.partition("@")[0])
    row = call.world.store.get(TAB, name)
    if row is None:
        raise missing("Model", name)
    return row


def users_of(world: World, model: str) -> Iterator[tuple[str, str]]:
    """(endpoint, id of the deployed model) of everything that serves a model or is about to."""
    for name, row in world.store.items(USERS):
        for each in row["deployed"].values():
            if each["model"] == model:
                yield name, each["id"]
        for op in operations.running(world, name):
            effect = op["effect"] or {}
            if effect.get("do") == "vertex.deploy" and effect["deployed"]["model"] == model:
                yield name, effect["deployed"]["id"]


def view(world: World, row: Json) -> Json:
    """A model as the API prints it."""
    serving = [{"endpoint": shown(world, name), "deployedModelId": each} for name, each in users_of(world, row["name"])]
    out = {**row, "name": shown(world, row["name"]), "etag": fingerprint(row), "supportedDeploymentResourcesTypes": ["DEDICATED_RESOURCES"]}
    return {**out, **({"deployedModels": serving} if serving else {})}


def put(world: World, operation: Json, at: int) -> Json | None:
    """The effect of an upload or a delete."""
    del at
    row = operation["effect"].get("row")
    if row is not None:
        world.store.put(TAB, row["name"], row)
    else:
        world.store.delete(TAB, operation["effect"]["name"])
    return None


HANDLERS = {HEAD + f"models.{verb}": handler for verb, handler in
            {"upload": upload, "get": get, "list": list_, "patch": patch, "delete": delete}.items()}  # fmt: skip
