"""What the Cloud TPU API offers where: accelerator types, their topologies and VMs, runtime versions.

The number in a name counts TensorCores: one a chip on v5e and v6e, two on v5p. TPU7x is not among them: this API does not serve it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.compute.catalog import REGIONS, ZONES
from emulator.services.compute.pages import page

Json = dict[str, Any]
documented("tpu-generations", "The Cloud TPU API serves v5e (v5litepod-N), v5p and v6e, each in some zones; TPU7x is not served.")
documented(
    "tpu-unknown-type",
    "A type the zone has not is a 400 'Cloud TPU received a bad request. the accelerator X was not found in zone Z [EID: ...]'.",
)
assumed("tpu-zones", "Zones of v5e, v5p and v6e: see emulator/services/tpu/catalog.py; all zones are locations, most without any type.")
assumed("tpu-runtimes", "Every zone has the same few runtime versions; any of them runs on any type.")
LISTED = 100


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """One accelerator type. ``family`` is what prices call it, ``quota`` the head of its quotas' ids, ``workers`` its VMs."""

    name: str
    config: str
    topology: str
    chips: int
    workers: int
    family: str
    quota: str


_FLAT = {1: "1x1", 4: "2x2", 8: "2x4", 16: "4x4", 32: "4x8", 64: "8x8", 128: "8x16", 256: "16x16"}
_CUBES = {4: "2x2x1", 8: "2x2x2", 16: "2x2x4", 32: "2x4x4", 64: "4x4x4", 128: "4x4x8", 256: "4x8x8"}
_SINGLE_HOST = 8
V5E_ZONES = ("us-central1-a", "us-east5-a", "us-east5-b", "us-east5-c", "europe-west4-b")
V5P_ZONES = ("us-central1-a", "us-east5-a", "europe-west4-b")
V6E_ZONES = ("us-central1-b", "us-east5-a", "us-east5-b", "europe-west4-a", "asia-northeast1-b")
RUNTIMES = ("tpu-ubuntu2204-base", "v2-alpha-tpuv5", "v2-alpha-tpuv5-lite", "v2-alpha-tpuv6e")


def _flat(head: str, config: str, family: str, quota: str) -> dict[str, Accelerator]:
    return {
        f"{head}-{chips}": Accelerator(
            name=f"{head}-{chips}",
            config=config,
            topology=topology,
            chips=chips,
            workers=1 if chips <= _SINGLE_HOST else chips // 4,
            family=family,
            quota=quota,
        )
        for chips, topology in _FLAT.items()
    }


_V5E = _flat("v5litepod", "V5LITE_POD", "v5e", "TPUV5s{}Litepod")
_V6E = _flat("v6e", "V6E", "ct6e", "TPUV6E{}")
_V5P = {
    f"v5p-{2 * chips}": Accelerator(
        name=f"v5p-{2 * chips}", config="V5P", topology=topology, chips=chips, workers=chips // 4, family="ct5p", quota="TPUV5P{}"
    )
    for chips, topology in _CUBES.items()
}
BY_ZONE: dict[str, dict[str, Accelerator]] = {
    zone: (_V5E if zone in V5E_ZONES else {}) | (_V5P if zone in V5P_ZONES else {}) | (_V6E if zone in V6E_ZONES else {}) for zone in ZONES
}
BY_NAME = _V5E | _V5P | _V6E


def location(call: Call, name: str) -> str:
    """The zone of ``projects/P/locations/ZONE...``; raises 403 for another project's, 400 for no such zone."""
    settings = call.world.settings
    match = re.match(r"projects/([^/]+)/locations/([^/:]+)", name)
    if match is None or match[1] not in {settings.project, settings.project_number}:
        raise ApiError(403, f"Permission denied on resource project {match[1] if match else name} (or it may not exist).")
    if match[2] not in BY_ZONE:
        raise ApiError(400, f"Location {match[2]} is not found or access is unauthorized.")
    return match[2]


def accelerator(call: Call, zone: str, node: Json) -> Accelerator:
    """The type a node asks for, by name or by generation and topology; raises 400."""
    wanted = node.get("acceleratorType")
    config = node.get("acceleratorConfig")
    if bool(wanted) == bool(config):
        raise ApiError(400, "Exactly one of accelerator_type and accelerator_config must be set.")
    if config:
        fitting = (each for each in BY_ZONE[zone].values() if (each.config, each.topology) == (config.get("type"), config.get("topology")))
        wanted = next((each.name for each in fitting), f"{config.get('type')} {config.get('topology')}")
    found = BY_ZONE[zone].get(str(wanted))
    if found is None:
        raise bad_request(call, f"the accelerator {wanted} was not found in zone {zone}")
    return found


def bad_request(call: Call, what: str) -> ApiError:
    """The Cloud TPU API's 400."""
    return ApiError(400, f"Cloud TPU received a bad request. {what} [EID: 0x{int(call.world.identity.numeric()) % (1 << 60):x}]")


def locations(call: Call) -> Json:
    """Where TPUs may be."""
    rows = [_location(call, zone) for zone in ZONES]
    chosen, token = page({"max_results": 500, "page_token": call.values.get("pageToken")}, rows)
    return {"locations": chosen, **({"nextPageToken": token} if token else {})}


def get_location(call: Call) -> Json:
    """One of them."""
    return _location(call, location(call, call.text("name")))


def _location(call: Call, zone: str) -> Json:
    region = next(region for region, zones in REGIONS.items() if zone in zones)
    name = f"projects/{call.world.project}/locations/{zone}"
    return {"name": name, "locationId": zone, "labels": {"cloud.googleapis.com/region": region}}


def _types(call: Call, zone: str) -> list[Json]:
    head = f"projects/{call.world.project}/locations/{zone}/acceleratorTypes"
    return [
        {"name": f"{head}/{each.name}", "type": each.name, "acceleratorConfigs": [{"type": each.config, "topology": each.topology}]}
        for each in BY_ZONE[zone].values()
    ]


def _runtimes(call: Call, zone: str) -> list[Json]:
    head = f"projects/{call.world.project}/locations/{zone}/runtimeVersions"
    return [{"name": f"{head}/{each}", "version": each} for each in RUNTIMES]


def list_types(call: Call) -> Json:
    """The accelerator types of a zone."""
    return _paged(call, "acceleratorTypes", _types(call, location(call, call.text("parent"))))


def list_runtimes(call: Call) -> Json:
    """The runtime versions of a zone."""
    return _paged(call, "runtimeVersions", _runtimes(call, location(call, call.text("parent"))))


def get_type(call: Call) -> Json:
    """One accelerator type; raises 404."""
    return _one(call, _types(call, location(call, call.text("name"))))


def get_runtime(call: Call) -> Json:
    """One runtime version; raises 404."""
    return _one(call, _runtimes(call, location(call, call.text("name"))))


def _one(call: Call, rows: list[Json]) -> Json:
    name = call.text("name").rpartition("/")[2]
    found = next((row for row in rows if row["name"].rpartition("/")[2] == name), None)
    if found is None:
        raise ApiError(404, f"Resource '{call.text('name')}' was not found")
    return found


def _paged(call: Call, key: str, rows: list[Json]) -> Json:
    size = min(int(call.values.get("pageSize") or LISTED), 500)
    chosen, token = page({"max_results": size, "page_token": call.values.get("pageToken")}, rows)
    return {**({key: chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}
