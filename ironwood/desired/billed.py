"""How a group is entered in the ledger: where its entries go, and what one of its VMs is as it is priced."""

from __future__ import annotations

from dataclasses import replace

from ironwood import naming, tpu
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.group import PROVISIONING_MODELS, Billed, InstanceGroup, InstanceTemplate
from ironwood.resources.logs import LogSink

_CONSUMPTION = {model: consumption for consumption, model in PROVISIONING_MODELS.items()}


def ledger_of(profile: Profile) -> Address | None:
    """The sink that leads the profile's entries into the ledger's bucket; None for a profile that keeps no ledger."""
    if not profile.logging.enabled:
        return None
    return Address(kind=LogSink.kind, scope=GLOBAL, name=naming.ledger(profile.name_prefix))


def billed(template: InstanceTemplate, ledger: Address | None) -> Billed | None:
    """What a VM made from `template` is in the ledger behind the sink `ledger`; None without one, or for what is no TPU VM."""
    if ledger is None or template.machine_type not in tpu.BY_MACHINE_TYPE:
        return None
    generation = tpu.BY_MACHINE_TYPE[template.machine_type]
    labels = dict(template.labels)
    return Billed(
        ledger=ledger,
        tier=labels.get("tier", ""),
        consumption=_CONSUMPTION[template.provisioning_model],
        family=generation.name,
        pod_chips=int(labels.get("pod-chips", generation.chips_per_vm)),
        chips=generation.chips_per_vm,
        disk_gib=template.boot_disk_gib,
    )


def entered(live: Graph) -> Graph:
    """`live` with every group entered in the ledger, where its sink is there."""
    sink = next((each.address for each in live if isinstance(each, LogSink) and each.name.endswith(naming.ledger(""))), None)
    return Graph.of(_entered(each, live, sink) if isinstance(each, InstanceGroup) else each for each in live)


def _entered(group: InstanceGroup, live: Graph, sink: Address | None) -> InstanceGroup:
    template = live.get(group.template)
    return replace(group, billed=billed(template, sink)) if isinstance(template, InstanceTemplate) else group
