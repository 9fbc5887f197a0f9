"""The sections `vertex` and `model_optimizations` of a profile: endpoints of Vertex AI, what is deployed on them, how its model server is tuned.

An endpoint costs nothing. A deployment is a fleet of its own beside the tier, paid while it stands, used or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from ironwood.profile_section import Section


class Deployment(Section):
    """The model on a tier's endpoint: between `min_replicas` and `max_replicas` machines of four TPU7x chips each, which Vertex AI scales."""

    min_replicas: Annotated[int, Field(ge=1, le=64)] = 1
    max_replicas: Annotated[int, Field(ge=1, le=64)] = 1
    spot: bool = False


class VertexSettings(Section):
    """`endpoints`: one for each enabled tier. `deployments`: by tier, none unless written. A deployment that is not up in time fails (Google allows 120 min)."""

    endpoints: bool = True
    deployments: Mapping[Literal["small", "medium", "large"], Deployment] = Field(default_factory=dict)
    deploy_timeout_minutes: Annotated[int, Field(ge=10, le=120)] = 90

    @property
    def deploy_timeout(self) -> timedelta:
        """How long a deployment may take."""
        return timedelta(minutes=self.deploy_timeout_minutes)


class ModelOptimizations(Section):
    """How a deployed model's server is tuned: weights, sequences at once, tokens of one sequence, whether prefixes are cached."""

    quantization_level: Literal["none", "int8", "fp8"] = "int8"
    batch_size: Annotated[int, Field(ge=1, le=4_096)] = 32
    sequence_length: Annotated[int, Field(ge=64, le=1_048_576)] = 512
    enable_caching: bool = True
