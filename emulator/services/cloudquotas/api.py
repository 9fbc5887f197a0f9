"""Cloud Quotas v1, the read side over REST: quotaInfos get and list of Compute Engine and Cloud TPU.

1. What is shown is what Compute enforces (``emulator/quotas.py``), changes made through the admin surface included.
2. A limit that differs by region, or by TPU family and region, has one entry in ``dimensionsInfos`` for each [documented].
3. Neither a client package nor a discovery document of this API is installed, so its two requests are described here.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import Descriptor

from emulator.call import Call, Methods
from emulator.errors import ApiError
from emulator.quotas import GLOBAL_DEFAULTS, REGION_DEFAULTS, TPU_FAMILIES
from emulator.rules import assumed, documented
from emulator.services.compute.catalog import REGIONS
from emulator.services.compute.pages import page
from emulator.services.tpu import catalog
from emulator.services.tpu import quota as tpu_quota
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.routes import Route, template_pattern

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "cloudquotas.googleapis.com"
SERVICE, VERTEX, TPU = "compute.googleapis.com", "aiplatform.googleapis.com", "tpu.googleapis.com"
METHOD = "cloudquotas.projects.locations.services.quotaInfos."
FAMILY_QUOTA = "TPUS-PER-TPU-FAMILY"
SPOT_QUOTAS = {"TPU7X": "PREEMPTIBLE-TPU7X", "CT6E": "PREEMPTIBLE-TPU-V6E", "CT5P": "PREEMPTIBLE-TPU-V5P"}
PAGE = 50
documented(
    "tpu-family-quota", "Chips per TPU family and region: quota TPUS-PER-TPU-FAMILY-per-project-region, dimensions region and tpu_family."
)
assumed("tpu-family-spelling", "The dimension tpu_family spells TPU7X and CT6E in capitals, as CT6E was reported; compare without case.")
assumed("spot-quota-metric", "A Spot TPU quota's metric is its id in small letters, for example compute.googleapis.com/preemptible_tpu7x.")
assumed(
    "vertex-quota-name",
    "Vertex AI's quotas of TPU7x chips are CustomModelServingTPU7xPerProjectPerRegion and CustomModelServingPreemptibleTPU7xPerProjectPerRegion.",
)
assumed(
    "quota-infos",
    "quotaInfos lists the quotas the emulator enforces, of Compute, Cloud TPU and Vertex AI; an unknown one is a 404; a page holds 50.",
)


def _info(world: World, quota: str, metric: str, dimensions: list[str], entries: list[Json]) -> Json:
    scope = "-per-project-region" if "region" in dimensions else "-per-project"
    return _named(world, SERVICE, quota.replace("_", "-") + scope, quota, metric, dimensions, entries)


def _named(world: World, service: str, quota_id: str, quota: str, metric: str, dimensions: list[str], entries: list[Json]) -> Json:
    words = quota.replace("_", " ").replace("-", " ").capitalize()
    return {
        "name": f"projects/{world.settings.project_number}/locations/global/services/{service}/quotaInfos/{quota_id}",
        "quotaId": quota_id,
        "metric": f"{service}/{metric}",
        "service": service,
        "isPrecise": True,
        "containerType": "PROJECT",
        **({"dimensions": dimensions} if dimensions else {}),
        "metricDisplayName": words,
        "quotaDisplayName": words,
        "metricUnit": "1",
        "quotaIncreaseEligibility": {"isEligible": True},
        "dimensionsInfos": entries,
    }


def _entry(limit: float, locations: list[str], **dimensions: str) -> Json:
    values = {"dimensions": dimensions} if dimensions else {}
    return {**values, "details": {"value": str(int(limit))}, "applicableLocations": locations}


def _infos(world: World) -> list[Json]:
    """Every quota of Compute Engine."""
    quotas = world.quotas
    out = [_info(world, metric, metric.lower(), [], [_entry(quotas.limit(metric, "global"), ["global"])]) for metric in GLOBAL_DEFAULTS]
    for metric in REGION_DEFAULTS:
        entries = [_entry(quotas.limit(metric, region), [region], region=region) for region in REGIONS]
        out.append(_info(world, metric, metric.lower(), ["region"], entries))
    chips = [
        _entry(quotas.chips(family, region, "STANDARD"), [region], region=region, tpu_family=family)
        for family in TPU_FAMILIES
        for region in REGIONS
    ]
    out.append(_info(world, FAMILY_QUOTA, "tpus_per_tpu_family", ["region", "tpu_family"], chips))
    for family, quota in SPOT_QUOTAS.items():
        entries = [_entry(quotas.chips(family, region, "SPOT"), [region], region=region) for region in REGIONS]
        out.append(_info(world, quota, quota.lower().replace("-", "_"), ["region"], entries))
    return sorted(out, key=lambda info: str(info["quotaId"]))


def _tpu_infos(world: World) -> list[Json]:
    """Every quota of the Cloud TPU API."""
    kinds = {tpu_quota.quota_id(kind, spot=spot) for kind in catalog.BY_NAME for spot in (False, True)}
    return [
        _named(
            world,
            TPU,
            each,
            each,
            each.lower(),
            ["zone"],
            [_entry(tpu_quota.limit(world, each, zone), [zone], zone=zone) for zone in catalog.BY_ZONE if catalog.BY_ZONE[zone]],
        )
        for each in sorted(kinds)
    ]


def _vertex_infos(world: World) -> list[Json]:
    """Vertex AI's quotas of chips."""
    out = []
    for spot, head in ((False, "CustomModelServing"), (True, "CustomModelServingPreemptible")):
        entries = [_entry(world.quotas.vertex_chips(region, spot=spot), [region], region=region) for region in REGIONS]
        metric = f"custom_model_serving_{'preemptible_' if spot else ''}tpu7x"
        out.append(_named(world, VERTEX, f"{head}TPU7xPerProjectPerRegion", f"{head}TPU7x", metric, ["region"], entries))
    return out


INFOS = {SERVICE: _infos, TPU: _tpu_infos, VERTEX: _vertex_infos}


def _asked(call: Call, name: str) -> tuple[str, list[Json]]:
    """The last part of a name below our project and a service's quotas, and these; raises 403 or 404."""
    settings = call.world.settings
    parts = name.split("/")
    if parts[1] not in {settings.project, settings.project_number}:
        raise ApiError(403, f"Permission denied on resource project {parts[1]}.", reason="forbidden")
    if parts[3] != "global" or parts[5] not in INFOS:
        raise ApiError(404, "Requested entity was not found.")
    return parts[-1], INFOS[parts[5]](call.world)


def get(call: Call) -> Json:
    """Read one quota."""
    wanted, infos = _asked(call, call.text("name"))
    for info in infos:
        if info["quotaId"] == wanted:
            return info
    raise ApiError(404, "Requested entity was not found.")


def list_(call: Call) -> Json:
    """All quotas of a service, in pages."""
    _, infos = _asked(call, call.text("parent"))
    values = {"max_results": min(int(call.values.get("pageSize") or PAGE), 500), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, infos)
    return {"quotaInfos": chosen, **({"nextPageToken": token} if token else {})}


@cache
def _requests() -> dict[str, Descriptor]:
    """The two request messages, with Google's field names."""
    # both modules make their classes when imported, so a type checker does not know them
    protos: Any = importlib.import_module("google.protobuf.descriptor_pb2")
    pools: Any = importlib.import_module("google.protobuf.descriptor_pool")
    field_proto = protos.FieldDescriptorProto
    file = protos.FileDescriptorProto(name="cloudquotas.proto", package="google.api.cloudquotas.v1", syntax="proto3")
    text, number = field_proto.TYPE_STRING, field_proto.TYPE_INT32
    messages = {
        "GetQuotaInfoRequest": [("name", text)],
        "ListQuotaInfosRequest": [("parent", text), ("page_size", number), ("page_token", text)],
    }
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for index, (field, kind) in enumerate(fields):
            message.field.add(name=field, number=index + 1, type=kind, label=field_proto.LABEL_OPTIONAL)
    pool = pools.DescriptorPool()
    pool.Add(file)
    return {name: pool.FindMessageTypeByName(f"{file.package}.{name}") for name in messages}


def register(world: World, methods: Methods) -> None:
    """Add the handlers."""
    del world
    methods.add(METHOD + "get", get)
    methods.add(METHOD + "list", list_)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    del methods
    for verb, template, request in (
        ("get", "/v1/{name=projects/*/locations/*/services/*/quotaInfos/*}", "GetQuotaInfoRequest"),
        ("list", "/v1/{parent=projects/*/locations/*/services/*}/quotaInfos", "ListQuotaInfosRequest"),
    ):
        pattern = template_pattern(template)
        yield Route(api=API, method=METHOD + verb, http_method="GET", pattern=pattern, body=None, request=_requests()[request])


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """None: it is served over REST."""
    return iter(())
