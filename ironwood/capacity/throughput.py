"""Capacity units from tokens or requests, by tier, with what is not known about throughput carried along.

1. One capacity unit is one output token a second, at the likely throughput of the reference chip.
2. A chip's throughput is a range (low, likely, high), never a number: the same model on the same chip differs by a factor of two between
   context lengths, batch sizes and software versions. Sizes that matter should hold at the low end.
3. Input tokens cost a share of an output token: prefill is compute-bound and parallel, decode is not.

Defaults: Llama 70B in FP8 on a TPU7x chip is estimated at 1,500-3,000 output tokens a second, by default 1,500 (measured neighbours:
Qwen3-32B FP8 6,557 at 1k/1k on TPU7x, Llama-3.3-70B 312-443 a chip on v6e-8). An estimate, not a measurement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.demand import Demand
from ironwood.errors import ProblemError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Output tokens a second of one chip. `likely` is what sizes are made for; `low` and `high` bound what is believed."""

    low: float
    likely: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.likely <= self.high or not math.isfinite(self.high):
            raise ProblemError(
                f"throughput {self.low} / {self.likely} / {self.high}: give 0 < low <= likely <= high, in tokens a second a chip"
            )

    def scaled(self, share: float) -> Throughput:
        """The range of a tier that serves `share` of a chip's throughput for each of its chips."""
        return Throughput(low=self.low * share, likely=self.likely * share, high=self.high * share)


LLAMA_70B_TPU7X = Throughput(low=750.0, likely=1500.0, high=3000.0)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a request asks of a chip. `input_cost`: output tokens that one input token is worth."""

    input_tokens_per_request: float = 1000.0
    output_tokens_per_request: float = 250.0
    input_cost: float = 0.05

    def tokens_per_second(self, *, requests: FloatArray, bin_minutes: float) -> FloatArray:
        """Equivalent output tokens a second of `requests` a bin, shape (bins,)."""
        each = self.output_tokens_per_request + self.input_cost * self.input_tokens_per_request
        return np.asarray(requests * each / (bin_minutes * 60))

    def from_tokens(self, *, input_tokens: FloatArray, output_tokens: FloatArray, bin_minutes: float) -> FloatArray:
        """Equivalent output tokens a second of tokens a bin, shape (bins,)."""
        return np.asarray((output_tokens + self.input_cost * input_tokens) / (bin_minutes * 60))


def in_chips(demand: Demand, work: Work, throughput: Throughput) -> Demand:
    """A trace's own requests or tokens as demand in units of one reference chip at its likely throughput.

    A trace of total tokens is taken to mix input and output as `work` does.
    """
    peak = np.array([demand.peak_value])
    if demand.column == "requests":
        rate = work.tokens_per_second(requests=peak, bin_minutes=demand.native_minutes)
    else:
        both = work.input_tokens_per_request + work.output_tokens_per_request
        rate = work.tokens_per_second(requests=peak / both, bin_minutes=demand.native_minutes)
    units = demand.units / demand.units.max() * float(rate[0]) / throughput.likely
    units.setflags(write=False)
    return replace(demand, units=units)


@dataclass(frozen=True, kw_only=True)
class PodCapacity:
    """What one pod serves, in output tokens a second, as a range."""

    name: str
    low_units: float
    likely_units: float
    high_units: float


def pod_capacity(*, name: str, chips: int, throughput: Throughput, efficiency: float = 1.0) -> PodCapacity:
    """The capacity of a pod of `chips` chips; `efficiency` is its throughput a chip relative to the reference. Raises ProblemError."""
    if chips <= 0 or not math.isfinite(efficiency) or efficiency <= 0:
        raise ProblemError(f"tier {name}: {chips} chips at efficiency {efficiency}; give both above 0")
    own = throughput.scaled(efficiency)
    return PodCapacity(name=name, low_units=chips * own.low, likely_units=chips * own.likely, high_units=chips * own.high)


def in_doubt(units: FloatArray, throughput: Throughput, draws: int) -> tuple[FloatArray, FloatArray]:
    """Demand in units of the likely throughput, as it looks if throughput is elsewhere in its range.

    Returns (units, weights): shape (bins, draws) and (draws,), the scenarios `CapacityProblem` takes. ln throughput is triangular between
    low, likely and high; the draws are its equally likely quantiles. One draw holds for all bins: what is not known does not average out.
    """
    if draws < 1:
        raise ProblemError(f"{draws} draws; give at least 1")
    low, likely, high = math.log(throughput.low), math.log(throughput.likely), math.log(throughput.high)
    at = (np.arange(draws) + 0.5) / draws
    if high <= low:
        logs = np.full(draws, likely)
    else:
        turn = (likely - low) / (high - low)
        below = low + np.sqrt(at * (high - low) * (likely - low))
        above = high - np.sqrt((1 - at) * (high - low) * (high - likely))
        logs = np.where(at < turn, below, above)
    return np.outer(units, np.exp(likely - logs)), np.full(draws, 1.0 / draws)
