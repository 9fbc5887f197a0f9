"""Can the zones host the chips, and may the project hold that many?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cloud import facts
from cloud.errors import QUOTA_HELP
from ironwood import tpu
from ironwood.resources.group import InstanceGroup, InstanceTemplate
from tasks.preflight.check import Asked, Check
from tasks.preflight.request import CHIPS, request


def zones(asked: Asked) -> Iterator[Check]:
    """Each zone of the enabled tiers offers the machine type."""
    connection, profile = asked.connection, asked.profile
    machine_type = tpu.TPU7X.machine_type
    for zone in sorted({tier.zone for tier in profile.enabled_tiers.values()}):
        if facts.machine_type_exists(connection, zone=zone, machine_type=machine_type):
            yield Check(subject=f"zone {zone}", found=f"hosts {machine_type}")
        else:
            others = ", ".join(facts.zones_with(connection, machine_type)) or "no zone of this project"
            yield Check(
                subject=f"zone {zone}",
                found=f"does not offer {machine_type}",
                remedy=f"It is offered in {others}; change `zone` in the profile.",
            )


def chips(asked: Asked) -> Iterator[Check]:
    """Chips of each consumption against what the project may hold in the region."""
    connection, profile, wanted = asked.connection, asked.profile, asked.wanted
    generation = tpu.TPU7X
    needed: Counter[bool] = Counter()
    for group in wanted:
        template = wanted.get(group.template) if isinstance(group, InstanceGroup) else None
        if isinstance(group, InstanceGroup) and isinstance(template, InstanceTemplate):
            needed[template.provisioning_model == "SPOT"] += group.size * generation.chips_per_vm
    for spot, chips in needed.items():
        subject = f"quota of {'Spot ' if spot else ''}{generation.name} chips in {profile.region}"
        limit = facts.chip_limit(connection, family=generation.name, region=profile.region, spot=spot)
        if limit is None:
            yield Check(subject=subject, found=f"{chips:,} needed; Google does not say how many are allowed, so a group would tell")
        elif chips > limit:
            quota = f"PREEMPTIBLE-{generation.name.upper()}-per-project-region" if spot else CHIPS
            where = {"region": profile.region} | ({} if spot else {"tpu_family": generation.name.upper()})
            ask = request(connection.project, quota, chips, where)
            remedy = f"Ask for {chips - limit:,} more: {ask}. {QUOTA_HELP}"
            yield Check(subject=subject, found=f"{chips:,} needed, {limit:,} allowed, {chips - limit:,} missing", remedy=remedy)
        else:
            yield Check(subject=subject, found=f"{chips:,} of {limit:,}")
