"""Development TPUs: a queued resource each, with the script that starts the model server and tells, from inside the network, that it answers.

The VMs have no external address and no load balancer leads to them. So each asks its own server, for readiness and for a prediction, and writes
both statuses and the time to its guest attributes, where the Cloud TPU API reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from string import Template

from ironwood import naming, tpu_v5e
from ironwood.desired.base import Base
from ironwood.desired.billed import ledger_of
from ironwood.desired.marks import labels
from ironwood.desired.network import TARGET_TAG
from ironwood.profile import Profile
from ironwood.profile_development import DevelopmentTpu
from ironwood.resources.base import Address
from ironwood.resources.group import Billed
from ironwood.resources.queued_tpu import QueuedTpu
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.serving import startup_script

NAMESPACE, KEY = "ironwood", "serving"
LABEL = "development"
"""The label that bears their name in the profile."""
TIER = "development"
"""What the ledger files them under, followed by their name."""
_TELL = Template(
    """\
# Tells every half minute, in the guest attribute $namespace/$key: status of readiness, status of a prediction, seconds since 1970.
ask() { curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' "$$@" || true; }
while true; do
  ready=$$(ask http://127.0.0.1:$port$readiness_path)
  served=$$(ask --header 'Content-Type: application/json' --data '{"instances": [{"text": "Hello"}]}' http://127.0.0.1:$port/v1/predict)
  curl --silent --request PUT --header 'Metadata-Flavor: Google' --data "$$ready $$served $$(date +%s)" \\
    http://metadata.google.internal/computeMetadata/v1/instance/guest-attributes/$namespace/$key || true
  sleep 30
done &
"""
)


def development_tpus(profile: Profile, base: Base) -> Iterator[QueuedTpu]:
    """The queued resources of `profile`; none where its section `development` is empty."""
    for name, wanted in sorted(profile.development.items()):
        for number in range(1, wanted.count + 1):
            yield _tpu(profile, base, name, wanted, naming.development_tpu(profile.name_prefix, name, number))


def _tpu(profile: Profile, base: Base, name: str, wanted: DevelopmentTpu, made: str) -> QueuedTpu:
    tpu = QueuedTpu(
        name=made,
        scope=f"zones/{wanted.place(profile.region)}",
        owner=profile.name,
        accelerator_type=wanted.accelerator_type,
        runtime_version=wanted.runtime_version,
        consumption=wanted.consumption,
        network=base.ground.network,
        subnetwork=base.ground.subnetwork,
        service_account=base.account.address,
        tags=(TARGET_TAG,),
        labels=labels(profile, **{LABEL: name}),
        startup_script=_script(profile, wanted),
        patience=wanted.patience,
        lease=lease_of_tpu(profile, made),
    )
    return replace(tpu, billed=billed_tpu(tpu, ledger_of(profile)))


def lease_of_tpu(profile: Profile, name: str) -> Address | None:
    """The job that deletes the queued resource `name` when its lease ends; None for a profile without leases."""
    if not profile.lease.enabled:
        return None
    return Address(kind=SchedulerJob.kind, scope=f"regions/{profile.region}", name=naming.lease_job(name))


def _script(profile: Profile, wanted: DevelopmentTpu) -> str:
    serving = profile.serving
    telling = _TELL.substitute(port=serving.port, readiness_path=serving.readiness_path, namespace=NAMESPACE, key=KEY)
    return startup_script(profile, wanted.shape.topology) + telling


def billed_tpu(tpu: QueuedTpu, ledger: Address | None) -> Billed | None:
    """What a development TPU is in the ledger behind the sink `ledger`; None without one, or for what is no v5e slice."""
    chips = tpu_v5e.chips_of(tpu.accelerator_type)
    if ledger is None or not chips:
        return None
    return Billed(
        ledger=ledger,
        tier=f"{TIER} {dict(tpu.labels).get(LABEL, '')}".strip(),
        consumption=tpu.consumption,
        family=tpu_v5e.FAMILY,
        pod_chips=chips,
        chips=chips,
        disk_gib=0,
    )
