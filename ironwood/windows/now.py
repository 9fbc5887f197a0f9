"""The sizes of a moment and why each tier has its own: what flows desire, and what they tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from ironwood.capacity.live import Outlook


@dataclass(frozen=True, kw_only=True)
class SizesNow:
    """`sizes` (pods by tier, every enabled tier) at `moment`, with a reason a tier; `next_change` is when they change by themselves, if they do.

    `in_force` names the capacity plan they follow, the policy, or the profile; where the policy decided, `windows` are the sizes they want without it,
    and `outlook` is what it expected. `leaving`: since when everything is to go, where a teardown is not at its end. `capped`: the tiers the budget
    lowers, with why. `told` are sentences a person should read: conflicts, expired overrides, a plan that has run out.
    """

    sizes: Mapping[str, int]
    reasons: Mapping[str, str]
    moment: datetime
    next_change: datetime | None = None
    told: tuple[str, ...] = ()
    in_force: str = "the profile"
    windows: Mapping[str, int] | None = None
    outlook: Outlook | None = None
    leaving: datetime | None = None
    capped: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def text(self) -> str:
        """`small 1 (baseline), medium 2 (given)`."""
        return ", ".join(f"{tier} {pods} ({self.reasons[tier]})" for tier, pods in self.sizes.items())
