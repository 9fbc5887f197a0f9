"""Can the zones host the chips, and may the project hold that many?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from cloud import facts
from cloud.errors import QUOTA_HELP
from ironwood import tpu
from ironwood.graph import Graph
from ironwood.placement import options_of
from ironwood.resources.autoscaler import ON, Autoscaler
from ironwood.resources.group import InstanceGroup, InstanceTemplate
from tasks.preflight.check import Asked, Check
from tasks.preflight.request import chips_request


def zones(asked: Asked) -> Iterator[Check]:
    """Each zone an enabled tier may be ordered in offers its machine type."""
    connection, profile = asked.connection, asked.profile
    places = {(option.zone, tpu.GENERATIONS[tier.generation]) for tier in profile.enabled_tiers.values() for option in options_of(tier)}
    for zone, generation in sorted(places, key=lambda each: (each[0], each[1].name)):
        machine_type = generation.machine_type
        if facts.machine_type_exists(connection, zone=zone, machine_type=machine_type):
            yield Check(subject=f"zone {zone}", found=f"hosts {machine_type}")
        else:
            offered = facts.zones_with(connection, [each.machine_type for each in tpu.GENERATIONS.values()])
            yield _not_offered(zone, generation, offered)


def _not_offered(zone: str, generation: tpu.Generation, offered: Mapping[str, list[str]]) -> Check:
    """What a zone without the machine type lacks, what its region has instead, and where there is some."""
    region = tpu.region_of(zone)
    there = {
        each.name: [other for other in offered[each.machine_type] if tpu.region_of(other) == region] for each in tpu.GENERATIONS.values()
    }
    others = ", ".join(offered[generation.machine_type]) or "no zone of this project"
    found = f"does not offer {generation.machine_type}"
    if not there[generation.name]:
        has = ", ".join(f"{name} in {' and '.join(zones)}" for name, zones in there.items() if zones) or "no TPUs that tiers can use"
        found = f"{found}: {region} has no {generation.name}; it has {has}"
    remedy = f"It is offered in {others}; change `zone`, or `generation` of the tiers there, in the profile."
    return Check(subject=f"zone {zone}", found=found, remedy=remedy)


def chips(asked: Asked) -> Iterator[Check]:
    """Chips of each generation and consumption against what the project may hold in each region."""
    connection, wanted = asked.connection, asked.wanted
    needed: Counter[tuple[str, tpu.Generation, bool]] = Counter()
    for group, template in groups_of(wanted):
        generation = tpu.BY_MACHINE_TYPE[template.machine_type]
        if not template.reservation:  # reserved chips are held already
            needed[tpu.region_of(group.scope), generation, template.provisioning_model == "SPOT"] += group.size * generation.chips_per_vm
    for (region, generation, spot), count in needed.items():
        subject = f"quota of {'Spot ' if spot else ''}{generation.name} chips in {region}"
        limit = facts.chip_limit(connection, generation=generation, region=region, spot=spot)
        if limit is None:
            yield Check(subject=subject, found=f"{count:,} needed; Google does not say how many are allowed, so a group would tell")
        elif count > limit:
            ask = chips_request(connection.project, generation, region, count, spot=spot)
            remedy = f"Ask for {count - limit:,} more: {ask}. {QUOTA_HELP}"
            yield Check(subject=subject, found=f"{count:,} needed, {limit:,} allowed, {count - limit:,} missing", remedy=remedy)
        else:
            yield Check(subject=subject, found=f"{count:,} of {limit:,}")


def reservations(asked: Asked) -> Iterator[Check]:
    """Each reservation drawn from exists and has room for what is to be drawn."""
    needed: Counter[tuple[str, str]] = Counter()
    for group, template in groups_of(asked.wanted):
        if template.reservation:
            live = asked.live.get(group.address)
            held = live.size if isinstance(live, InstanceGroup) else 0
            needed[group.scope.removeprefix("zones/"), template.reservation] += group.size - held
    for (zone, name), count in sorted(needed.items()):
        subject = f"reservation {name} in {zone}"
        found = facts.reservation(asked.connection, zone=zone, name=name)
        if found is None:
            yield Check(
                subject=subject,
                found="does not exist",
                remedy=f"Make it, or change `reservation` in the profile; {count} more VMs are to be drawn from it.",
            )
        elif count > found.free:
            remedy = f"Ask for {count - found.free} more VMs in it, add `fallbacks` to the tier, or lower its size."
            yield Check(subject=subject, found=f"{count} more VMs needed, {found.free} of {found.count} free", remedy=remedy)
        else:
            yield Check(subject=subject, found=f"{count} more VMs needed, {found.free} of {found.count} free; paid whether used or not")


def groups_of(wanted: Graph) -> Iterator[tuple[InstanceGroup, InstanceTemplate]]:
    """Every group with the template of its VMs; one under an autoscaler as large as that may make it."""
    most = {each.group: each.most for each in wanted if isinstance(each, Autoscaler) and each.mode == ON}
    for group in wanted:
        template = wanted.get(group.template) if isinstance(group, InstanceGroup) else None
        if isinstance(group, InstanceGroup) and isinstance(template, InstanceTemplate):
            yield replace(group, size=max(group.size, most.get(group.address, 0))), template
