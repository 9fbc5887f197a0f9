"""Can development TPUs be had: does the zone have the type and the runtime, and may the project hold that many chips?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cloud import facts
from cloud.errors import QUOTA_HELP
from ironwood import tpu_v5e
from ironwood.graph import Graph
from ironwood.resources.queued_tpu import QueuedTpu
from tasks.preflight.check import Asked, Check
from tasks.preflight.request import request

SERVICE = "tpu.googleapis.com"


def development(asked: Asked) -> Iterator[Check]:
    """Each zone has the accelerator types and runtimes asked for, and its quota of the Cloud TPU API leaves the chips."""
    wanted = [each for each in asked.wanted if isinstance(each, QueuedTpu)]
    for zone in sorted({_zone(each) for each in wanted}):
        here = [each for each in wanted if _zone(each) == zone]
        yield _offered(asked, zone, here)
        yield from _allowed(asked, zone)


def _offered(asked: Asked, zone: str, here: list[QueuedTpu]) -> Check:
    subject = f"TPUs in {zone}"
    offered = facts.tpus_offered(asked.connection, zone=zone)
    types = sorted({each.accelerator_type for each in here})
    runtimes = sorted({each.runtime_version for each in here})
    missing = [each for each in types if each not in offered.types] + [each for each in runtimes if each not in offered.runtimes]
    if missing:
        other = ", ".join(zone for zone in tpu_v5e.ZONES if zone.rpartition("-")[0] == asked.profile.region)
        remedy = f"Change `accelerator_type`, `runtime_version` or `zone` (v5e is in {other or 'no zone of this region'}) in the section `development`."
        return Check(subject=subject, found=f"has no {', '.join(missing)}", remedy=remedy)
    return Check(subject=subject, found=f"has {', '.join([*types, *runtimes])}")


def _allowed(asked: Asked, zone: str) -> Iterator[Check]:
    """What is wanted and what others hold, against the quota: what is suspended or failed counts too until it is deleted."""
    needed = _chips(asked.wanted, zone)
    ours = {each.address for each in asked.wanted if isinstance(each, QueuedTpu)} | {
        change.address for change in asked.plan if change.action == "delete"
    }
    held = _chips(Graph.of(each for each in asked.live if each.address not in ours), zone)
    for consumption, count in sorted(needed.items()):
        quota = tpu_v5e.QUOTAS[consumption]
        subject = f"quota of {'Spot ' if consumption == 'spot' else ''}v5e chips in {zone}"
        limit = facts.tpu_api_limit(asked.connection, quota=quota, zone=zone)
        others = f", {held[consumption]:,} held by queued resources of others" if held[consumption] else ""
        if limit is None:
            yield Check(subject=subject, found=f"{count:,} needed; Google does not say how many are allowed, so the order would tell")
        elif count + held[consumption] > limit:
            ask = request(asked.connection.project, quota, count + held[consumption], {"zone": zone}, service=SERVICE)
            remedy = f"Delete suspended and failed queued resources, which count too, or ask for more: {ask}. {QUOTA_HELP}"
            yield Check(subject=subject, found=f"{count:,} needed, {limit:,} allowed{others}", remedy=remedy)
        else:
            yield Check(subject=subject, found=f"{count:,} of {limit:,}{others}")


def _chips(graph: Graph, zone: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in graph:
        if isinstance(each, QueuedTpu) and _zone(each) == zone:
            found[each.consumption] += tpu_v5e.chips_of(each.accelerator_type)
    return found


def _zone(tpu: QueuedTpu) -> str:
    return tpu.scope.partition("/")[2]
