"""The ground a profile stands on and does not own, made in the embedded cloud: a Shared VPC of a host project, reservations.

On the real cloud an organisation has them before us; there nothing is made, and preflight says what is missing.
"""

from __future__ import annotations

from google.cloud import compute_v1

from cloud import facts
from cloud.connection import CALL_SECONDS, Connection
from cloud.errors import translated
from cloud.operations import finish
from flows.reconcile import carry_out, compare
from ironwood import tpu
from ironwood.desired.network import Ground
from ironwood.placement import options_of
from ironwood.profile import Profile
from ironwood.resources.base import SERVICES
from ironwood.tpu import region_of
from tasks import report


def prepare(connection: Connection, profile: Profile) -> None:
    """Make what `profile` takes for given, as far as it is not there; nothing on the real cloud."""
    if connection.admin is None:
        return
    existing = profile.network.existing
    if existing is not None and existing.project is not None:
        for subnet in Ground(profile).given[1:]:
            region = region_of(subnet.scope)
            shared = {"project": existing.project, "network": existing.network, "subnetwork": subnet.name}
            place = {"region": region, "cidr": Ground(profile).cidrs[region]}
            connection.admin.post("/_emulator/shared_vpc", json=shared | place).raise_for_status()
        report.say("given", f"Shared VPC {existing.network} of {existing.project}")
    wanted = _reservations(profile)
    if wanted:
        carry_out(connection, compare(connection, profile, profile.baseline).plan.of_kind(SERVICES.kind))
    for (zone, name), (machine_type, count) in wanted.items():
        if facts.reservation(connection, zone=zone, name=name) is None:
            _reserve(connection, zone, name, machine_type, count)
        report.say("given", f"reservation {name} in {zone}: {count} VMs of {machine_type}")


def give_back(connection: Connection, profile: Profile) -> None:
    """Delete the reservations that `prepare` made, because they are paid whether they are used or not."""
    if connection.admin is None:
        return
    client = connection.client(compute_v1.ReservationsClient)
    for zone, name in _reservations(profile):
        with translated(doing := f"deleting reservation {name} in {zone}"):
            deleted = client.delete_unary(project=connection.project, zone=zone, reservation=name, retry=None, timeout=CALL_SECONDS)
        finish(connection, deleted, doing)
        report.say("given back", f"reservation {name} in {zone}")


def _reservations(profile: Profile) -> dict[tuple[str, str], tuple[str, int]]:
    """The reservations the tiers draw from, (zone, name) -> (machine type, VMs of the baseline, or of the most an autoscaler may order)."""
    found: dict[tuple[str, str], tuple[str, int]] = {}
    for tier in profile.enabled_tiers.values():
        generation = tpu.GENERATIONS[tier.generation]
        for option in options_of(tier):
            if option.reservation is not None:
                key = (option.zone, option.reservation)
                pods = tier.replicas if tier.autoscaling is None else tier.max_replicas
                more = pods * tier.chips // generation.chips_per_vm
                found[key] = (generation.machine_type, found.get(key, ("", 0))[1] + more)
    return found


def _reserve(connection: Connection, zone: str, name: str, machine_type: str, count: int) -> None:
    instances = compute_v1.AllocationSpecificSKUAllocationReservedInstanceProperties(machine_type=machine_type)
    made = compute_v1.Reservation(
        name=name,
        specific_reservation=compute_v1.AllocationSpecificSKUReservation(count=count, instance_properties=instances),
        specific_reservation_required=True,
    )
    client = connection.client(compute_v1.ReservationsClient)
    with translated(doing := f"reserving {count} VMs of {machine_type} as {name} in {zone}"):
        inserted = client.insert_unary(project=connection.project, zone=zone, reservation_resource=made, retry=None, timeout=CALL_SECONDS)
    finish(connection, inserted, doing)
