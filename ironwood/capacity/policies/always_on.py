"""Hold the cheapest fleet that serves the peak of the history, always."""

from __future__ import annotations

from dataclasses import dataclass

from ironwood.capacity.policies.interface import Controller, World
from ironwood.capacity.policies.steer import toward
from ironwood.capacity.replay import Decision, Moment, Rules, cheapest_static


@dataclass(frozen=True, kw_only=True)
class AlwaysOn:
    """The peak seen until the first decision, never revised."""

    name: str = "always_on"

    def rules(self, rules: Rules) -> Rules:
        """Every tier, as it is."""
        return rules

    def controller(self, world: World) -> Controller:
        """A controller that has seen nothing yet."""
        sizes: list[tuple[int, ...]] = []

        def decide(moment: Moment) -> Decision:
            if not sizes:
                sizes.append(cheapest_static(world.rules.tiers, float(moment.observed.max())))
            return toward(sizes[0], sizes[0], moment)

        return decide
