"""What every project finds in place: regions, zones, machine types, image families. It is fixed; catalog.yaml holds it."""

from __future__ import annotations

import hashlib
import importlib.resources
from typing import Any

from ruamel.yaml import YAML

from emulator import errors
from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented

Json = dict[str, Any]
documented("tpu7x-zones", "tpu7x-standard-4t exists in us-central1-c and us-central1-ai1a only.")
assumed("other-machine-zones", "Zones of ct6e, ct5p, e2 and n1 machine types: see emulator/services/compute/catalog.yaml.")

_CONTENT: Json = YAML(typ="safe").load(importlib.resources.files("emulator.services.compute").joinpath("catalog.yaml").read_text())
REGIONS: dict[str, list[str]] = _CONTENT["regions"]
PLACES: dict[str, list[float]] = _CONTENT["places"]
MACHINES: dict[str, Json] = _CONTENT["machine_types"]
IMAGES: dict[str, Json] = _CONTENT["images"]
ZONES = [zone for zones in REGIONS.values() for zone in zones]


HOSTS = "hosts"  # projects that share a VPC with ours
SHARED = ("compute.networks.get", "compute.subnetworks.get", "compute.subnetworks.list")
assumed("shared-vpc-reads", "Of a Shared VPC host project its network and subnets can be read and used; anything else is a 403.")


def project_of(call: Call) -> str:
    """The project a call is about: ours, or one that shares a VPC with us."""
    given = str(call.values.get("project") or "")
    return given if call.world.store.get(HOSTS, given) is not None else call.world.project


def fixed_id(text: str) -> str:
    """A stable id of a thing that was always there."""
    return str(1000 + int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big"))


def machine_zones(name: str) -> list[str]:
    """The zones a machine type exists in."""
    zones: str | list[str] = MACHINES[name]["zones"]
    return ZONES if zones == "all" else list(zones)


def machine(name: str, zone: str) -> Json | None:
    """The machine type in a zone, or None."""
    return MACHINES[name] if name in MACHINES and zone in machine_zones(name) else None


def check_place(call: Call) -> None:
    """Raise 404 when the call's project, region or zone is not there."""
    settings = call.world.settings
    project = call.values.get("project")
    if project is not None and project not in {settings.project, settings.project_number}:
        if call.world.store.get(HOSTS, str(project)) is None:
            raise errors.not_found(f"projects/{project}")
        if call.method not in SHARED:
            why = f"Required '{call.method}' permission for 'projects/{project}'"
            raise ApiError(403, why, reason="forbidden")
    region, zone = call.values.get("region"), call.values.get("zone")
    if isinstance(region, str) and region not in REGIONS:
        raise errors.not_found(f"projects/{settings.project}/regions/{region}")
    if isinstance(zone, str) and zone not in ZONES:
        raise errors.not_found(f"projects/{settings.project}/zones/{zone}")
