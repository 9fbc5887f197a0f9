"""Infrastructure Manager v1 over REST, as its discovery document has it: a project without deployments, in which none can be made.

Infrastructure Manager runs Terraform for its users. Nothing here does, so what it would say of a project that never used it is answered, and what
would begin a run is refused in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Call, Methods
from emulator.errors import ApiError
from emulator.rules import assumed
from emulator.services.scoping import own
from emulator.wire.described import described_routes
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "config.googleapis.com"
HEAD = "config.projects.locations.deployments."
assumed(
    "infra-manager-empty",
    "Infrastructure Manager has no deployments: lists are empty, a read or delete is a 404, making one is a 400 FAILED_PRECONDITION, because no Terraform runs here.",
)


def get(call: Call) -> Json:
    """No deployment, revision or resource is there."""
    raise ApiError(404, f"Resource '{own(call.world, call.text('name'))}' was not found", status_name="NOT_FOUND")


def list_(call: Call) -> Json:
    """None; below a deployment that is not there a 404."""
    parent = own(call.world, call.text("parent"))
    if "/deployments/" in parent:
        raise ApiError(404, f"Resource '{parent}' was not found", status_name="NOT_FOUND")
    return {}


def create(call: Call) -> Json:
    """Refused: it would have Terraform run."""
    name = f"{own(call.world, call.text('parent'))}/deployments/{call.text('deploymentId')}"
    why = "it would have Terraform run, and the emulator runs none"
    raise ApiError(400, f"Deployment '{name}' cannot be made: {why}.", status_name="FAILED_PRECONDITION")  # clients repeat what is a 5xx


def register(world: World, methods: Methods) -> None:
    """Add the handlers."""
    del world
    methods.add(HEAD + "list", list_)
    methods.add(HEAD + "get", get)
    methods.add(HEAD + "create", create)
    methods.add(HEAD + "delete", get)
    methods.add(HEAD + "revisions.list", list_)
    methods.add(HEAD + "revisions.get", get)
    methods.add(HEAD + "revisions.resources.list", list_)
    methods.add(HEAD + "revisions.resources.get", get)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    served = frozenset(name for name in methods.names() if name.startswith("config."))
    return described_routes(API, "config.v1", served)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """None: it is served over REST."""
    return iter(())
