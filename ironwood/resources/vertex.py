"""Vertex AI: a model, an endpoint a tier, the model deployed on it, and the endpoint's traffic.

Model, deployed model and endpoint have ids of ours. The traffic stands by itself because it refers to what is deployed and can be changed: so a new
model is deployed, the traffic switched, the old one undeployed, in this order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed
from ironwood.resources.group import Billed


@dataclass(frozen=True, kw_only=True)
class VertexModel(Resource):
    """A serving container and where its weights are. Immutable but for its labels: its name carries the hash of its content. Marked in its labels."""

    kind: ClassVar[str] = "vertex_model"
    marking: ClassVar[Marking] = "labels"
    immutable: ClassVar[frozenset[str]] = frozenset(
        {"owner", "image", "args", "env", "port", "predict_route", "health_route", "artifacts", "timeout_seconds"}
    )

    image: str
    args: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    port: int
    predict_route: str
    health_route: str
    artifacts: str
    timeout_seconds: int
    labels: tuple[tuple[str, str], ...]
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class VertexEndpoint(Resource):
    """Where a tier's predictions may be asked for at Vertex AI. Marked in its labels. `holds`: what a deployment on its way may be using."""

    kind: ClassVar[str] = "vertex_endpoint"
    marking: ClassVar[Marking] = "labels"

    labels: tuple[tuple[str, str], ...]
    holds: tuple[Address, ...] = observed(())
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class DeployedModel(Resource):
    """A model on an endpoint, with replicas of its own; its name is `ENDPOINT--ID`. It is ours if the endpoint is.

    `replicas`: how many run, since `changed`. `lease`: the job that undeploys it when nobody of ours lives, seen to be let in before the model is deployed.
    """

    kind: ClassVar[str] = "deployed_model"
    marking: ClassVar[Marking] = "member"
    immutable: ClassVar[frozenset[str]] = frozenset({"endpoint", "model", "machine_type", "topology", "spot", "service_account"})

    owner: str = field(default="", compare=False)
    endpoint: Address
    model: Address
    machine_type: str
    topology: str
    min_replicas: int
    max_replicas: int
    spot: bool
    service_account: Address
    tier: str = field(default="", compare=False)
    lease: Address | None = field(default=None, compare=False)
    billed: Billed | None = field(default=None, compare=False)
    replicas: int = observed(0)
    created: str = observed("")
    changed: str = observed("")

    @property
    def id(self) -> str:
        """Its id on the endpoint: ten digits."""
        return self.name.rpartition("--")[2]

    @property
    def running(self) -> int:
        """Replicas that bill: those that run, and at least those it is to have."""
        return max(self.replicas, self.min_replicas)


@dataclass(frozen=True, kw_only=True)
class EndpointTraffic(Resource):
    """Which shares of an endpoint's predictions its deployed models get, in percent, 100 together; it has the endpoint's name. Ours if the endpoint is."""

    kind: ClassVar[str] = "endpoint_traffic"
    marking: ClassVar[Marking] = "member"

    owner: str = field(default="", compare=False)
    endpoint: Address
    models: tuple[Address, ...]
    percent: tuple[int, ...]
