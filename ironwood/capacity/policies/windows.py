"""Two sizes by the clock, as people write them into cron: working days 08:00-20:00, and the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ironwood.capacity.demand import GRID_MINUTES, Calendar
from ironwood.capacity.policies.interface import Controller, World
from ironwood.capacity.policies.steer import toward
from ironwood.capacity.replay import Decision, Moment, Rules, cheapest_static

_SATURDAY = 5


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Each window's size serves the quantile of the history inside that window; sized once, at the first decision."""

    begin_hour: float = 8.0
    end_hour: float = 20.0
    quantile: float = 0.95
    name: str = "windows"

    def rules(self, rules: Rules) -> Rules:
        """Every tier, as it is."""
        return rules

    def controller(self, world: World) -> Controller:
        """A controller that has seen nothing yet."""
        tiers, leads, calendar = world.rules.tiers, world.rules.lead_bins, world.calendar
        sizes: dict[bool, tuple[int, ...]] = {}

        def decide(moment: Moment) -> Decision:
            if not sizes:
                inside = np.array([self._inside(calendar, i) for i in range(len(moment.observed))])
                for busy in (True, False):
                    seen = moment.observed[inside == busy]
                    level = float(np.quantile(seen if len(seen) else moment.observed, self.quantile))
                    sizes[busy] = cheapest_static(tiers, level)
            later = [sizes[self._inside(calendar, moment.bin + lead)][k] for k, lead in enumerate(leads)]
            return toward(later, sizes[self._inside(calendar, moment.bin)], moment)

        return decide

    def _inside(self, calendar: Calendar, index: int) -> bool:
        local = calendar.local(index)
        holiday = bool(calendar.special[min(index, calendar.bins - 1)])
        hour = local.hour + math.floor(local.minute / GRID_MINUTES) * GRID_MINUTES / 60
        return local.weekday() < _SATURDAY and not holiday and self.begin_hour <= hour < self.end_hour
