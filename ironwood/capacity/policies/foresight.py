"""What information is worth: the same controller told the true demand of the next minutes. Not causal, and not a policy one can run."""

from __future__ import annotations

from ironwood.capacity.demand import GRID_MINUTES, Demand
from ironwood.capacity.forecast.forecaster import Forecaster
from ironwood.capacity.policies.interface import Controller, World
from ironwood.capacity.policies.optimized import HORIZON, Optimized, Optimizer
from ironwood.capacity.replay import Decision, Moment


def told(policy: Optimized, world: World, demand: Demand, minutes: int) -> Controller:
    """The controller of `policy`, forecasting from `minutes` ahead of now, with the truth until then."""
    optimizer = Optimizer(world.rules, policy.control)
    forecaster = Forecaster(calendar=world.calendar, horizon=HORIZON, parameters=policy.parameters)
    ahead = minutes // GRID_MINUTES

    def decide(moment: Moment) -> Decision:
        end = min(demand.bins, moment.bin + ahead)
        forecaster.observe(demand.units[: max(len(moment.observed), demand.calendar.known_at(end))])
        paths = forecaster.paths(moment.bin)
        paths[:, : end - moment.bin] = demand.units[moment.bin : end]
        return optimizer.decide(moment, paths)

    return decide
