"""The section `development` of a profile: v5e TPUs to develop on, by name. Each is a queued resource of the Cloud TPU API, no part of any tier.

No load balancer leads to them. What several keys can break together is in `ironwood/profile_development_rules.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from ironwood import patterns, tpu_v5e
from ironwood.profile_section import Section


class DevelopmentTpu(Section):
    """`count` slices of `accelerator_type` (`v5litepod-4`: four chips), each a queued resource of its own.

    `topology` may be said to be checked. An order that has got nothing after `deadline_minutes` is cancelled. Without `zone` it is the first of
    the region that has v5e.
    """

    accelerator_type: Annotated[str, Field(min_length=1)]
    topology: str | None = None
    consumption: Literal["spot", "on_demand"] = "spot"
    zone: Annotated[str, Field(pattern=patterns.ZONE)] | None = None
    runtime_version: Annotated[str, Field(pattern=patterns.RESOURCE_NAME)] = tpu_v5e.RUNTIME
    count: Annotated[int, Field(ge=0, le=10)] = 1
    deadline_minutes: Annotated[int, Field(ge=5, le=10_080)] = 60

    @property
    def patience(self) -> timedelta:
        """How long an order may wait."""
        return timedelta(minutes=self.deadline_minutes)

    @property
    def shape(self) -> tpu_v5e.Slice:
        """The hardware of one slice."""
        return tpu_v5e.SLICES[self.accelerator_type]

    def place(self, region: str) -> str:
        """The zone it is ordered in."""
        return self.zone or next(iter(tpu_v5e.zones_in(region)), "")
