"""What the policy decided last, as the state object keeps it, so that every look of a slot finds the same decision.

A slot in which it could not decide is kept with no sizes: then the windows in force hold, and whoever only looks knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

HOLDS: timedelta = timedelta(days=7)
"""How long a forecast is learnt on from where it began; then it begins anew, with younger history."""


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """What the forecast learns from: all requests since `learns_from`, of which those before `begun` were there when it began."""

    learns_from: datetime
    begun: datetime

    def holds(self, slot: datetime) -> bool:
        """Whether a decision of `slot` is made from it."""
        return self.begun <= slot < self.begun + HOLDS


@dataclass(frozen=True, kw_only=True)
class Decided:
    """For the slot that begins `at`: pods by tier, and why each."""

    at: datetime
    sizes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    why: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    anchor: Anchor | None = None

    def content(self) -> dict[str, object]:
        """As plain values."""
        return {
            "at": self.at.isoformat(),
            "sizes": dict(self.sizes),
            "why": dict(self.why),
            "anchor": self.anchor and [self.anchor.learns_from.isoformat(), self.anchor.begun.isoformat()],
        }


def decided_of(content: dict[str, Any] | None) -> Decided | None:
    """The decision in plain values; raises ValueError, KeyError or TypeError for what is none."""
    if content is None:
        return None
    moments = [datetime.fromisoformat(text) for text in content["anchor"] or ()]
    return Decided(
        at=datetime.fromisoformat(content["at"]),
        sizes=MappingProxyType({tier: int(pods) for tier, pods in content["sizes"].items()}),
        why=MappingProxyType({tier: str(text) for tier, text in content["why"].items()}),
        anchor=Anchor(learns_from=moments[0], begun=moments[1]) if moments else None,
    )
