"""Vertex AI as a profile wants it: an endpoint for each enabled tier, and, where the profile asks, the model deployed on it.

The model is the serving image tuned by `model_optimizations`: as arguments vLLM knows, and as environment for images that start it by themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from ironwood import naming, tpu
from ironwood.desired.billed import ledger_of
from ironwood.desired.marks import labels
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.base import Address, Resource
from ironwood.resources.group import Billed
from ironwood.resources.logs import LogSink
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.service_account import ServiceAccount
from ironwood.resources.vertex import DeployedModel, EndpointTraffic, VertexEndpoint, VertexModel

GENERATION = tpu.GENERATIONS["tpu7x"]
TOPOLOGY = "2x2x1"
FAMILY = "vertex-tpu7x"
"""What price books call chips behind Vertex AI."""
PREDICT = "/v1/predict"
_QUANTIZED = {"none": (), "int8": ("--quantization=tpu_int8",), "fp8": ("--quantization=fp8",)}


def vertex(profile: Profile, account: ServiceAccount) -> Iterator[Resource]:
    """Endpoints, and what is deployed on them under `account`."""
    settings = profile.vertex
    if not settings.endpoints:
        return
    scope = f"regions/{profile.region}"
    for tier in profile.home_tiers:
        name = naming.vertex_endpoint(profile.name_prefix, tier)
        yield VertexEndpoint(name=name, scope=scope, owner=profile.name, labels=labels(profile, tier=tier))
    deployed = list(deployments(profile, account))
    if deployed:
        yield _model(profile)
    for each in deployed:
        yield each
        yield EndpointTraffic(
            name=each.endpoint.name, scope=scope, owner=profile.name, endpoint=each.endpoint, models=(each.address,), percent=(100,)
        )


def deployments(profile: Profile, account: ServiceAccount) -> Iterator[DeployedModel]:
    """What the profile wants deployed."""
    model = _model(profile)
    for tier in profile.home_tiers:
        wanted = profile.vertex.deployments.get(tier) if profile.vertex.endpoints else None  # type: ignore[call-overload]  # a tier's name
        if wanted is None:
            continue
        endpoint = Address(kind=VertexEndpoint.kind, scope=model.scope, name=naming.vertex_endpoint(profile.name_prefix, tier))
        content = hashlib.sha256(repr((model.name, wanted.spot)).encode()).hexdigest()
        deployed = DeployedModel(
            name=naming.deployed_model(endpoint.name, f"{int(content, 16) % 10**10:010d}"),
            scope=model.scope,
            owner=profile.name,
            endpoint=endpoint,
            model=model.address,
            machine_type=GENERATION.machine_type,
            topology=TOPOLOGY,
            min_replicas=wanted.min_replicas,
            max_replicas=wanted.max_replicas,
            spot=wanted.spot,
            service_account=account.address,
            tier=tier,
        )
        lease = lease_of_deployed(profile, deployed)
        yield replace(deployed, lease=lease, billed=billed_model(deployed, ledger_of(profile)))


def lease_of_deployed(profile: Profile, deployed: DeployedModel) -> Address | None:
    """The job that undeploys it when its lease ends; None for a profile without leases."""
    if not profile.lease.enabled:
        return None
    return Address(kind=SchedulerJob.kind, scope=deployed.scope, name=naming.lease_job(deployed.name))


def billed_model(deployed: DeployedModel, ledger: Address | None) -> Billed | None:
    """What one of its replicas is in the ledger behind the sink `ledger`; None without one."""
    if ledger is None:
        return None
    chips = GENERATION.chips_per_vm
    consumption = "spot" if deployed.spot else "on_demand"
    return Billed(
        ledger=ledger, tier=f"vertex-{deployed.tier}", consumption=consumption, family=FAMILY, pod_chips=chips, chips=chips, disk_gib=0
    )


def known(deployed: DeployedModel, profile: Profile, live: Graph) -> DeployedModel:
    """A live deployed model of ours with the job of its lease and how it is entered in the ledger, where these are there."""
    head = naming.vertex_endpoint(profile.name_prefix, "")
    deployed = replace(deployed, tier=deployed.endpoint.name.removeprefix(head))
    lease, ledger = lease_of_deployed(profile, deployed), ledger_of(profile)
    there = ledger is not None and isinstance(live.get(ledger), LogSink)
    return replace(deployed, lease=lease if lease in live.by_address else None, billed=billed_model(deployed, ledger if there else None))


def held_back(profile: Profile, live: Graph) -> Profile:
    """`profile` with nothing more deployed than `live` holds: what is left of it where the budget refuses growth."""
    held = {each.endpoint.name: each for each in live if isinstance(each, DeployedModel)}
    kept = {}
    for tier, wanted in profile.vertex.deployments.items():
        found = held.get(naming.vertex_endpoint(profile.name_prefix, tier))
        if found is not None:
            least = min(wanted.min_replicas, found.min_replicas)
            kept[tier] = wanted.model_copy(update={"min_replicas": least})
    return profile.model_copy(update={"vertex": profile.vertex.model_copy(update={"deployments": kept})})


def _model(profile: Profile) -> VertexModel:
    serving, tuned = profile.serving, profile.model_optimizations
    caching = "--enable-prefix-caching" if tuned.enable_caching else "--no-enable-prefix-caching"
    # From Cloud Storage Vertex AI hands the weights over itself, at $AIP_STORAGE_URI.
    artifacts = serving.model_source if serving.model_source.startswith("gs://") else ""
    weights = "$(AIP_STORAGE_URI)" if artifacts else serving.model_source.removeprefix("hf://")
    args = (
        f"--model={weights}",
        f"--served-model-name={profile.model_name}",
        f"--port={serving.port}",
        f"--tensor-parallel-size={GENERATION.chips_per_vm}",
        f"--max-num-seqs={tuned.batch_size}",
        f"--max-model-len={tuned.sequence_length}",
        caching,
        *_QUANTIZED[tuned.quantization_level],
    )
    env = {
        "MODEL_NAME": profile.model_name,
        "MODEL_SOURCE": serving.model_source,
        "TPU_TOPOLOGY": TOPOLOGY,
        "QUANTIZATION_LEVEL": tuned.quantization_level,
        "BATCH_SIZE": str(tuned.batch_size),
        "SEQUENCE_LENGTH": str(tuned.sequence_length),
        "ENABLE_CACHING": str(tuned.enable_caching).lower(),
    }
    unnamed = VertexModel(
        name="",
        scope=f"regions/{profile.region}",
        owner=profile.name,
        image=serving.image,
        args=args,
        env=tuple(sorted(env.items())),
        port=serving.port,
        predict_route=PREDICT,
        health_route=serving.readiness_path,
        artifacts=artifacts,
        timeout_seconds=int(profile.vertex.deploy_timeout.total_seconds()),
        labels=labels(profile),
    )
    content = hashlib.sha256(repr(replace(unnamed, labels=())).encode()).hexdigest()[:8]
    return replace(unnamed, name=naming.vertex_model(profile.name_prefix, profile.model_name, content))
