"""Names of Vertex AI's things, and what every handler asks of them.

1. Rows are kept under the project's id; what is shown bears the project's number, as Google prints it. 2. A location is a region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed
from emulator.services.compute.catalog import REGIONS
from emulator.services.scoping import own

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "aiplatform.googleapis.com"
HEAD = "aiplatform.projects.locations."
TYPE = "type.googleapis.com/google.cloud.aiplatform.v1."
assumed("vertex-locations", "Vertex AI is in every region of the emulator's catalog; another location is a 404.")


def shown(world: World, name: str) -> str:
    """A name with the project's number."""
    return name.replace(f"projects/{world.project}/", f"projects/{world.settings.project_number}/", 1)


def parent(call: Call) -> str:
    """The location a call is about; raises 404 for one that is none."""
    name = own(call.world, call.text("parent"))
    if region(name) not in REGIONS:
        raise ApiError(404, f"Location {region(name)} is not found in {name}.")
    return name


def region(name: str) -> str:
    """The region in a name."""
    parts = name.split("/")
    return parts[3] if len(parts) > 3 else ""


def failed(message: str) -> ApiError:
    """A 400 for what the state of things does not allow."""
    return ApiError(400, message, status_name="FAILED_PRECONDITION")


def missing(kind: str, name: str) -> ApiError:
    """The 404 of an endpoint or a model."""
    return ApiError(404, f"The {kind} '{name}' does not exist.")


def locations(call: Call) -> Json:
    """Where Vertex AI is."""
    name = own(call.world, call.text("name"))
    return {"locations": [{"name": shown(call.world, f"{name}/locations/{each}"), "locationId": each} for each in REGIONS]}
