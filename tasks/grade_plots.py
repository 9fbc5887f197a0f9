"""Plot of graded decisions: what the hour after each cost, beside what was expected and the best choice, and what went unserved."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import matplotlib as mpl

from ironwood.grade import TAKEN, Grade

mpl.use("Agg")  # files, no windows
from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def draw(name: str, grades: Sequence[Grade]) -> Figure:
    """The figure; close it after use."""
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(14, 6), sharex=True, layout="constrained")
    times = [each.at for each in grades]
    upper.step(times, [each.choices[TAKEN].usd for each in grades], where="post", color="#2171b5", label="taken")
    upper.step(times, [each.choices[each.best].usd for each in grades], where="post", color="#31a354", linewidth=0.8, label="best choice")
    expected = [(each.at, each.expected_usd) for each in grades if each.expected_usd is not None]
    if expected:
        upper.plot(*zip(*expected, strict=True), ".", color="#fd8d3c", markersize=3, label="taken, as expected")
    upper.set(ylabel="USD an hour", ylim=(0, None), title=f"profile {name}: the hour after each decision")
    upper.legend(loc="upper left", ncols=3, fontsize=8)
    lower.step(
        times, [100 * each.choices[TAKEN].short_share for each in grades], where="post", color="#de2d26", label="unserved, worked out"
    )
    lower.step(times, [100 * each.refused_share for each in grades], where="post", color="#636363", linewidth=0.8, label="refused, really")
    lower.set(ylabel="% of the demand", ylim=(0, None))
    lower.legend(loc="upper left", ncols=2, fontsize=8)
    return figure


def as_data_uri(name: str, grades: Sequence[Grade]) -> str:
    """The plot as a `data:` address, small enough for an artifact."""
    figure, kept = draw(name, grades), io.BytesIO()
    figure.savefig(kept, format="png", dpi=60)
    plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(kept.getvalue()).decode("ascii")
