"""Histograms: how they are kept, printed, merged, and what percentile they say.

A percentile is interpolated inside its bucket [documented]; ours are five per cent wide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emulator.minutes import FINITE, GROWTH

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A histogram with the buckets of ``emulator/minutes.py``: index to count."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Json) -> Distribution:
        """The histogram of one minute."""
        counts = {int(index): int(count) for index, count in value["buckets"].items()}
        return cls(count=value["count"], total=value["sum"], squares=value["squares"], buckets=counts)

    def __add__(self, other: Distribution) -> Distribution:
        """Both together."""
        counts = dict(self.buckets)
        for index, count in other.buckets.items():
            counts[index] = counts.get(index, 0) + count
        return Distribution(
            count=self.count + other.count, total=self.total + other.total, squares=self.squares + other.squares, buckets=counts
        )

    @property
    def mean(self) -> float:
        """The mean, exact."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, share: float) -> float:
        """The value below which ``share`` (0..1) of all lie."""
        wanted, seen = share * self.count, 0
        for index in sorted(self.buckets):
            inside = self.buckets[index]
            if seen + inside >= wanted:
                low = 0.0 if index == 0 else GROWTH ** (index - 1)
                high = GROWTH**index
                return low + (high - low) * (wanted - seen) / inside
            seen += inside
        return 0.0

    def shown(self) -> Json:
        """As Google prints a distribution."""
        last = max(self.buckets, default=0)
        options = {"numFiniteBuckets": FINITE, "growthFactor": GROWTH, "scale": 1}
        return {
            "count": str(self.count),
            "mean": self.mean,
            "sumOfSquaredDeviation": max(0.0, self.squares - self.total * self.mean),
            "bucketOptions": {"exponentialBuckets": options},
            "bucketCounts": [str(self.buckets.get(index, 0)) for index in range(last + 1)],
        }
