"""Plots of a replay: capacity by tier against demand and its forecast band, cost by policy, and cost against shortage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np

from ironwood.capacity import CapacityPlan
from ironwood.capacity.demand import BINS_PER_DAY, Demand
from ironwood.capacity.forecast.calibration import LEADS_MINUTES
from ironwood.capacity.replay import Replayed
from ironwood.errors import TraceError
from tasks.optimize import Run

mpl.use("Agg")  # files, no windows
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

_BAND_LEAD: Final = 30
_COLORS: Final = ("#9ecae1", "#6baed6", "#2171b5", "#08306b")


def plot_all(folder: Path, demand: Demand, runs: Sequence[Run], frontier: Sequence[Replayed], optimum: CapacityPlan) -> list[Path]:
    """Write every plot that the runs allow; returns their paths. Raises TraceError if the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [_capacity(folder / f"capacity-{run.replayed.policy}.png", demand, run) for run in runs]
        replayed = [run.replayed for run in runs]
        written.append(_costs(folder / "cost-by-policy.png", replayed, optimum))
        written.append(_frontier(folder / "frontier.png", [*replayed, *frontier], optimum))
    except OSError as error:
        raise TraceError(f"{folder}: cannot be written ({error.strerror}); give another folder") from error
    return written


def _capacity(path: Path, demand: Demand, run: Run) -> Path:
    replayed = run.replayed
    first, bins = replayed.first_bin, len(replayed.sizes)
    days = np.arange(bins) / BINS_PER_DAY
    figure, axes = plt.subplots(figsize=(16, 5), layout="constrained")
    layers = [replayed.sizes[:, k] * tier.capacity_units for k, tier in enumerate(replayed.rules.tiers)][::-1]
    names = [tier.name for tier in replayed.rules.tiers][::-1]
    axes.stackplot(days, *layers, labels=names, colors=[_COLORS[i % len(_COLORS)] for i in range(len(names))], step="post")
    if run.board is not None:
        lead = _BAND_LEAD // 5
        band = run.board.quantiles[first : first + bins - lead, LEADS_MINUTES.index(_BAND_LEAD)]
        axes.fill_between(days[lead:], band[:, 0], band[:, 2], color="#fdae6b", alpha=0.6, label=f"0.1-0.9 forecast {_BAND_LEAD} min ahead")
    axes.plot(days, demand.units[first:], color="black", linewidth=0.8, label="demand")
    axes.set(xlabel="days", ylabel="capacity units", title=f"{demand.name}: {replayed.policy}", xlim=(0, days[-1]))
    axes.legend(loc="upper left", ncols=len(names) + 2)
    return _save(figure, path)


def _costs(path: Path, replayed: Sequence[Replayed], optimum: CapacityPlan) -> Path:
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    names = [*(each.policy for each in replayed), "clairvoyant"]
    parts = np.array(
        [
            *((r.bill.infrastructure_usd, r.bill.startup_usd, r.bill.shortfall_usd) for r in replayed),
            (optimum.infrastructure_usd, optimum.startup_usd, optimum.shortfall_usd),
        ]
    )
    base = np.zeros(len(names))
    for column, (label, color) in enumerate((("infrastructure", "#6baed6"), ("startup", "#fdae6b"), ("shortfall", "#de2d26"))):
        axes.bar(names, parts[:, column], bottom=base, label=label, color=color)
        base += parts[:, column]
    axes.set(ylabel="USD", title="cost by policy")
    axes.legend()
    return _save(figure, path)


def _frontier(path: Path, replayed: Sequence[Replayed], optimum: CapacityPlan) -> Path:
    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    unit = max(optimum.cost_usd, 1e-9)
    for each in replayed:
        x, y = each.bill.short_share * 100, each.bill.total_usd / unit
        axes.plot(x, y, "o", color="#2171b5" if each.policy.startswith("optimized") else "#636363")
        axes.annotate(each.policy, (x, y), textcoords="offset points", xytext=(5, 4), fontsize=8)
    axes.set(xlabel="% of demand short", ylabel="total cost / clairvoyant optimum", title="cost against shortage")
    return _save(figure, path)


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return path
