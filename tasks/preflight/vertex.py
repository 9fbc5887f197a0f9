"""Would Vertex AI take what is to be deployed? Its quota of chips is its own, beside Compute Engine's, and charged at the most replicas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cloud import facts
from cloud.errors import QUOTA_HELP
from ironwood import tpu
from ironwood.resources.vertex import DeployedModel
from tasks.preflight.check import Asked, Check


def vertex(asked: Asked) -> Iterator[Check]:
    """The region has the machines, and the quota the chips. A profile without deployments asks nothing."""
    wanted = [each for each in asked.wanted if isinstance(each, DeployedModel)]
    region = asked.profile.region
    needed: Counter[bool] = Counter()
    for each in wanted:
        needed[each.spot] += each.max_replicas * tpu.BY_MACHINE_TYPE[each.machine_type].chips_per_vm
    for machine in sorted({each.machine_type for each in wanted}):
        zones = facts.zones_with(asked.connection, [machine])[machine]
        if any(zone.startswith(f"{region}-") for zone in zones):
            yield Check(subject=f"Vertex AI in {region}", found=f"{machine} is there; whether it has stock only a deployment tells")
        else:
            others = ", ".join(sorted({zone.rpartition("-")[0] for zone in zones})) or "no region of this project"
            remedy = f"It is offered in {others}; change `region`, or remove `vertex.deployments`."
            yield Check(subject=f"Vertex AI in {region}", found=f"does not offer {machine}", remedy=remedy)
    for spot, count in sorted(needed.items()):
        subject = f"quota of {'Spot ' if spot else ''}tpu7x chips of Vertex AI in {region}"
        limit = facts.vertex_chip_limit(asked.connection, region=region, spot=spot)
        if limit is None:
            yield Check(subject=subject, found=f"{count} needed; Google does not say how many are allowed, so the deployment would tell")
        elif count > limit:
            remedy = f"Lower max_replicas in `vertex.deployments`, or ask for {count - limit} more. {QUOTA_HELP}"
            yield Check(
                subject=subject, found=f"{count} needed at the most replicas, {limit} allowed, {count - limit} missing", remedy=remedy
            )
        else:
            yield Check(subject=subject, found=f"{count} of {limit}, at the most replicas")
