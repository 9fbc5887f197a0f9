"""Plot of a week's plan: demand and its band against the windows' capacity by tier, and what each number of windows costs."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np

from ironwood.capacity.windows import DAY_NAMES
from ironwood.errors import TraceError
from tasks.week import WeekPlan

mpl.use("Agg")  # files, no windows
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

_COLORS: Final = ("#9ecae1", "#6baed6", "#2171b5", "#08306b")


def draw(week: WeekPlan) -> Figure:
    """The figure; close it after use."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(15, 4.5), width_ratios=(3, 1), layout="constrained")
    days = np.arange(week.problem.periods) * week.problem.period_minutes / 1440
    tiers = week.problem.tiers
    layers = [week.chosen.sizes[:, k] * tier.capacity_units for k, tier in enumerate(tiers)][::-1]
    names = [tier.name for tier in tiers][::-1]
    left.stackplot(days, *layers, labels=names, colors=[_COLORS[i % len(_COLORS)] for i in range(len(names))], step="post")
    low, middle, high = (week.forecast.quantile(level) for level in (0.1, 0.5, 0.9))
    left.fill_between(days, low, high, color="#fdae6b", alpha=0.6, label="0.1-0.9 of demand expected")
    left.plot(days, middle, color="black", linewidth=0.8, label="median")
    unlimited = week.plan.sizes @ np.array([tier.capacity_units for tier in tiers])
    left.step(days, unlimited, where="post", color="#636363", linewidth=0.7, label="plan without a limit")
    left.set(ylabel="capacity units", title=f"{week.chosen.count} windows, {week.windows.zone}", xlim=(0, 7))
    left.set_xticks(np.arange(7) + 0.5, DAY_NAMES)
    left.legend(loc="upper left", ncols=3, fontsize=8)
    counts = [fit.count for fit in week.curve]
    right.step(counts, [fit.bill.cost_usd for fit in week.curve], where="post", marker="o", color="#2171b5", label="windows")
    right.axhline(week.plan.lower_bound_usd, color="#de2d26", linewidth=0.8, label="bound without a limit")
    right.plot(week.chosen.count, week.chosen.bill.cost_usd, "o", color="#de2d26")
    right.set(xlabel="windows", ylabel="USD a week", title="count against cost")
    right.legend(fontsize=8)
    return figure


def write_plot(folder: Path, week: WeekPlan) -> Path:
    """Write `week.png` into a folder, made if it is missing. Raises TraceError if it cannot be written."""
    path = folder / "week.png"
    figure = draw(week)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=90)
    except OSError as error:
        raise TraceError(f"{folder}: cannot be written ({error.strerror}); give another folder") from error
    finally:
        plt.close(figure)
    return path


def as_data_uri(week: WeekPlan) -> str:
    """The plot as a `data:` address, small enough for an artifact."""
    figure, held = draw(week), io.BytesIO()
    figure.savefig(held, format="png", dpi=60)
    plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode("ascii")
