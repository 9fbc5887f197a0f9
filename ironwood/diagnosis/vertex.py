"""How Vertex AI's endpoints stand: deployed models short of replicas, and what their logs told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ironwood.diagnosis.finding import Finding
from ironwood.resources.vertex import DeployedModel, VertexEndpoint

TOLD = 3


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """An entry of an endpoint's log of severity ERROR or worse."""

    at: datetime
    endpoint: str
    text: str


def judge(
    profile: str,
    endpoints: Iterable[VertexEndpoint],
    deployed: Iterable[DeployedModel],
    logs: Iterable[LogLine],
    failed: Iterable[LogLine] = (),
) -> Iterator[Finding]:
    """Of each endpoint: replicas, the last change where it `failed`, errors in the log."""
    models, lines = list(deployed), list(logs)
    failures = {each.endpoint: each for each in failed}
    for endpoint in endpoints:
        region = endpoint.scope.partition("/")[2]
        for each in models:
            if each.endpoint == endpoint.address and each.replicas < each.min_replicas:
                yield Finding(
                    check="endpoint",
                    severity="error",
                    subject=endpoint.name,
                    what=f"deployed model {each.id} has {each.replicas} of {each.min_replicas} replicas",
                    remedies=(f"gcloud ai endpoints describe {endpoint.name} --region={region}",),
                )
        if failure := failures.get(endpoint.name):
            yield Finding(
                check="endpoint",
                severity="error",
                subject=endpoint.name,
                what=f"its last change failed: {failure.text}",
                since=failure.at,
                remedies=(
                    "look at `serving.image`, `model_optimizations` and `vertex` in the profile; docs/vertex.md",
                    f"python -m flows.provision --profile {profile}",
                ),
            )
        told = sorted((each for each in lines if each.endpoint == endpoint.name), key=lambda each: each.at)
        if told:
            yield Finding(
                check="endpoint",
                severity="warning",
                subject=endpoint.name,
                what=f"its log has {len(told)} {'error' if len(told) == 1 else 'errors'}",
                since=told[0].at,
                evidence=tuple(f"{each.at:%H:%M} UTC {each.text}" for each in told[-TOLD:]),
                remedies=(
                    f'gcloud logging read \'resource.type="aiplatform.googleapis.com/Endpoint" AND resource.labels.endpoint_id="{endpoint.name}"\' --limit=20',
                    f"once it is mended: python -m flows.provision --profile {profile}",
                ),
            )
