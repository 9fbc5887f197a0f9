"""Plot of the days ahead: pods of each tier, dollars a day; holidays shaded, clock changes and overrides marked."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib as mpl

from ironwood.errors import ProfileError
from ironwood.profile import Profile
from ironwood.windows.occurrences import Layer, occurrences
from ironwood.windows.preview import Preview

mpl.use("Agg")  # files, no windows
from matplotlib import dates as _dates
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

dates: Any = _dates  # it ships no types for these


def draw(profile: Profile, ahead: Preview) -> Figure:
    """The figure; close it after use."""
    zone = ZoneInfo(profile.time_zone)
    tiers = list(profile.enabled_tiers)
    figure, axes = plt.subplots(len(tiers) + 1, 1, figsize=(14, 1.8 * (len(tiers) + 1)), sharex=True, layout="constrained")
    pieces = [piece for each in ahead.days for piece in each.pieces]
    for axis, tier in zip(axes, tiers, strict=False):
        times = [piece.begin for piece in pieces] + [pieces[-1].end]
        pods = [piece.sizes[tier] for piece in pieces]
        axis.step(times, [*pods, pods[-1]], where="post", color="#2171b5")
        axis.fill_between(times, [*pods, pods[-1]], step="post", color="#9ecae1")
        for piece in pieces:
            if piece.conflicting:
                axis.axvspan(piece.begin, piece.end, color="#de2d26", alpha=0.25, linewidth=0)
        axis.set(ylabel=f"{tier}, pods", ylim=(0, profile.enabled_tiers[tier].max_replicas + 0.5))
    middles = [each.pieces[0].begin + (each.pieces[-1].end - each.pieces[0].begin) / 2 for each in ahead.days]
    axes[-1].bar(middles, [float(each.usd) for each in ahead.days], width=0.8, color="#74c476")
    axes[-1].set(ylabel="USD a day")
    for each in ahead.days:
        _mark(list(axes), each.pieces[0].begin, each.pieces[-1].end, each.marks)
    for override in (each for each in occurrences(profile, None, pieces[0].begin, pieces[-1].end) if each.layer is Layer.OVERRIDE):
        for axis in axes:
            axis.axvspan(max(override.begin, pieces[0].begin), min(override.end, pieces[-1].end), color="#fdae6b", alpha=0.35, linewidth=0)
    axes[-1].xaxis.set_major_locator(dates.DayLocator(interval=max(1, len(ahead.days) // 15), tz=zone))
    axes[-1].xaxis.set_major_formatter(dates.DateFormatter("%a %d", tz=zone))
    axes[0].set_title(
        f"profile {profile.name}, {profile.time_zone}: holidays grey, overrides orange, clock changes dashed, conflicts red", fontsize=10
    )
    return figure


def _mark(axes: list[Any], begin: Any, end: Any, marks: tuple[str, ...]) -> None:
    for axis in axes:
        for mark in marks:
            if "clocks go" in mark:
                axis.axvline(begin, color="black", linestyle="--", linewidth=1)
            elif ": like " in mark:
                axis.axvspan(begin, end, color="#969696", alpha=0.3, linewidth=0)


def write_plot(folder: Path, profile: Profile, ahead: Preview) -> Path:
    """Write `preview.png` into a folder, made if it is missing. Raises ProfileError if it cannot be written."""
    path = folder / "preview.png"
    figure = draw(profile, ahead)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=90)
    except OSError as error:
        raise ProfileError(f"{folder}: cannot be written ({error.strerror}); give another folder") from error
    finally:
        plt.close(figure)
    return path


def as_data_uri(profile: Profile, ahead: Preview) -> str:
    """The plot as a `data:` address, small enough for an artifact."""
    figure, kept = draw(profile, ahead), io.BytesIO()
    figure.savefig(kept, format="png", dpi=60)
    plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(kept.getvalue()).decode("ascii")
