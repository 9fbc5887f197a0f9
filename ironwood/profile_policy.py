"""The section `policy` of a profile: what decides sizes between capacity plans, from which demand, counted how.

What its keys mean for a decision is in `ironwood/capacity/live.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from ironwood.profile_section import Section


class PolicySettings(Section):
    """`optimized`: the policy of that name decides, from what the load balancer was asked for, where no window or override does.

    It decides every `decide_every_minutes` from up to `history_days` of requests, once there are `least_history_days` of them; those of the last
    `told_after_minutes` are not asked for, because Cloud Monitoring may not tell them yet (documented: sampled every 60 s, visible up to 210 s
    later). A request is `output_tokens` and `input_tokens`, a chip of the smallest kind of tier makes `tokens_per_chip_second`.
    `shortfall_usd_per_unit_hour`: what not serving one chip's worth for an hour costs; without it ten times the cheapest tier's price of it.
    """

    between_plans: Literal["windows", "optimized"] = "windows"
    decide_every_minutes: Literal[5, 10, 15, 30, 60] = 15
    history_days: Annotated[int, Field(ge=1, le=35)] = 28
    least_history_days: Annotated[int, Field(ge=1, le=35)] = 7
    told_after_minutes: Annotated[int, Field(ge=0, le=60)] = 4
    shortfall_usd_per_unit_hour: Annotated[float, Field(gt=0, strict=False)] | None = None
    tokens_per_chip_second: Annotated[float, Field(gt=0, strict=False)] = 1_500.0
    input_tokens: Annotated[float, Field(ge=0, strict=False)] = 1_000.0
    output_tokens: Annotated[float, Field(gt=0, strict=False)] = 250.0

    @property
    def decide_every(self) -> timedelta:
        """How long a decision holds."""
        return timedelta(minutes=self.decide_every_minutes)
