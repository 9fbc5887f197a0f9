"""Chips against their quotas: what the project holds, what the profile wants now and at its largest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cloud import facts, vm_events
from ironwood import tpu
from ironwood.diagnosis import quota
from ironwood.diagnosis.finding import Finding
from ironwood.diagnosis.quota import ChipQuota
from ironwood.placement import generation_of, options_of
from tasks.diagnose.case import Case
from tasks.diagnose.tiers import chips_used
from tasks.preflight.capacity import groups_of
from tasks.preflight.request import chips_request

Key = tuple[str, tpu.Generation, bool]


def quotas(case: Case) -> Iterator[Finding]:
    """Each generation's chips, on demand and Spot, in each region of the profile."""
    connection, profile = case.connection, case.profile
    wanted, most = _wanted(case), _most(case)
    holding = tuple(vm_events.tpu_vms(connection))
    for key in sorted({*wanted, *most}, key=lambda each: (each[0], each[1].name, each[2])):
        region, generation, spot = key
        limit = facts.chip_limit(connection, generation=generation, region=region, spot=spot)
        each = generation.chips_per_vm
        used = chips_used(holding, generation.machine_type, region, spot=spot) * each
        ours = chips_used(holding, generation.machine_type, region, spot=spot, owner=profile.name) * each
        largest = max(most[key], wanted[key])
        ask = tuple(
            chips_request(connection.project, generation, region, used - ours + value, spot=spot) for value in (wanted[key], largest)
        )
        yield from quota.judge(
            ChipQuota(
                name=f"{'Spot ' if spot else ''}{generation.name} chips in {region}",
                limit=limit,
                used=used,
                ours=ours,
                wanted=wanted[key],
                most=largest,
                request=(ask[0], ask[1]),
            )
        )


def _wanted(case: Case) -> Counter[Key]:
    needed: Counter[Key] = Counter()
    for group, template in groups_of(case.wanted):
        if not template.reservation:
            generation = tpu.BY_MACHINE_TYPE[template.machine_type]
            needed[tpu.region_of(group.scope), generation, template.provisioning_model == "SPOT"] += group.size * generation.chips_per_vm
    return needed


def _most(case: Case) -> Counter[Key]:
    """Every tier at max_replicas, ordered the first way."""
    needed: Counter[Key] = Counter()
    for tier in case.profile.enabled_tiers.values():
        first = options_of(tier)[0]
        if first.reservation is None:
            needed[tpu.region_of(first.zone), generation_of(tier), first.consumption == "spot"] += tier.max_replicas * tier.chips
    return needed
