"""The forecast's parameters: one set for every trace, chosen on folds of history days (docs/forecasting.md says how)."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Lengths in minutes unless the name says otherwise."""

    # Experts: c of log(demand + c) in means of the history; weight in the season of a day of the other kind (working day, Sunday or holiday).
    experts: tuple[tuple[float, float], ...] = ((2.0, 0.15), (6.0, 1.0))
    # Members of an expert: pseudo-observations behind the fading level; minutes in which it fades; half-life of the regression in days; share of
    # the last residual in the level, the rest is the mean of 30 min; share of the season's slope that the level ignores while it holds.
    members: tuple[tuple[float, float, float, float, float], ...] = ((1000.0, 1500.0, 5.0, 0.4, 0.0), (30.0, 360.0, 5.0, 1.0, 1.0))
    member_days: float = 1.0
    member_sharpness: float = 12.0
    draws: int = 64  # scenario paths
    memory_days: float = 5.0  # half-life of the regression
    lag_decay: float = 0.95  # weight of a day's lag relative to the day after it
    smooth_minutes: int = 40  # half-width of the seasonal smoothing
    scale_minutes: float = 30.0  # half-life of the error scale
    scale_share: float = 0.4  # power of the scale ratio
    hour_width: float = 5.0  # hours
    level_width: float = 3.0  # in scales
    scale_width: float = 0.5  # in logs
    surprise_width: float = 1.5  # in scales
    analog_days: float = 14.0
    conform_step: float = 0.025  # of the log of a stretch factor, each five minutes
    mix_days: float = 1.0
    mix_sharpness: float = 8.0
    outage_share: float = 0.2
    usual_falls_a_day: float = 8.0  # from so many on they are the trace's nature and no outages
    resume_share: float = 0.7
    outage_minutes: float = 180.0
    carried_season: float = 1.0  # of the season's change, followed while a level is carried through an outage


def holding(parameters: Parameters) -> Parameters:
    """The same, holding the level through lulls as well: for where shortage is dear. The price is that fewer falls count as usual."""
    return replace(parameters, outage_share=0.4, usual_falls_a_day=4.0)
