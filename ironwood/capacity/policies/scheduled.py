"""Follow weekly windows, whatever happens: what a plan put in force does."""

from __future__ import annotations

from dataclasses import dataclass

from ironwood.capacity.policies.interface import Controller, World
from ironwood.capacity.policies.steer import toward
from ironwood.capacity.replay import Decision, Moment, Rules
from ironwood.capacity.windows import WeeklyWindows


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """The windows' local time is the world's calendar's. Orders go out a lead time before the window that needs them."""

    weekly: WeeklyWindows
    name: str = "scheduled"

    def rules(self, rules: Rules) -> Rules:
        """Every tier, as it is."""
        return rules

    def controller(self, world: World) -> Controller:
        """A controller that looks at nothing but the clock."""
        tiers, leads, calendar = world.rules.tiers, world.rules.lead_bins, world.calendar

        def pods(index: int, tier: str) -> int:
            local = calendar.local(index)
            return self.weekly.at_wall(local.weekday(), local.hour * 60 + local.minute).sizes.get(tier, 0)

        def decide(moment: Moment) -> Decision:
            later = [pods(moment.bin + lead, tier.name) for tier, lead in zip(tiers, leads, strict=True)]
            return toward(later, [pods(moment.bin, tier.name) for tier in tiers], moment)

        return decide
