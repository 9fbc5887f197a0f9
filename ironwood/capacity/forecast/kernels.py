"""The forecast's inner loops, compiled: one ridge regression a lead, updated online, and the errors it made, as material for scenarios.

1. Everything is in z = log(demand + c). r = z - season is what the regression explains; its prior is a level that fades with the lead.
2. A prediction is stored when it is made and never revised, so every error in `errors_of` is out of sample.
3. Index t is the last native bin observed; lead j >= 1 is bin t + j. Nothing beyond t is read.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

FEATURES = 14
_compiled = numba.njit(cache=True, nogil=True)


@_compiled
def _mean(total: FloatArray, last: int, count: int) -> float:
    """Mean of the `count` values that end at index `last`, from their running total (total[i] is the sum of the first i)."""
    begin = max(0, last + 1 - count)
    return float((total[last + 1] - total[begin]) / max(1, last + 1 - begin))


@_compiled
def _features(
    t: int,
    j: int,
    z: FloatArray,
    season: FloatArray,
    r: FloatArray,
    total: FloatArray,
    back: IntArray,
    week: IntArray,
    spans: IntArray,
    x: FloatArray,
) -> None:
    """Fill x, shape (FEATURES,). `back[u]` / `week[u]`: index one day / one week before u, -1 if there is none. `spans`: bins of 30 min … 24 h."""
    x[0] = 1.0
    x[1] = r[t]
    x[2] = r[t - 1] if t > 0 else r[t]
    for i in range(5):
        x[3 + i] = _mean(total, t, spans[i])
    day = back[t + j]
    today = back[t]
    width = spans[0]
    if day >= 0 and today >= 0:
        x[8] = r[day]
        x[9] = _mean(total, min(t, day + width), 2 * width + 1)
        x[10] = _mean(total, today, width)
    else:
        x[8] = 0.0
        x[9] = 0.0
        x[10] = 0.0
    x[11] = z[week[t + j]] - season[t + j] if week[t + j] >= 0 else 0.0
    x[12] = season[t + j] - season[t]
    x[13] = season[t + j] - season[max(0, t + j - spans[2])]


@_compiled
def _solve(a: FloatArray, b: FloatArray) -> None:
    """B <- a^-1 b for a symmetric positive definite a; both are overwritten (Cholesky)."""
    n = b.size
    for i in range(n):
        for k in range(i + 1):
            s = a[i, k]
            for m in range(k):
                s -= a[i, m] * a[k, m]
            if i == k:
                a[i, i] = math.sqrt(max(s, 1e-12))
            else:
                a[i, k] = s / a[k, k]
    for i in range(n):
        s = b[i]
        for m in range(i):
            s -= a[i, m] * b[m]
        b[i] = s / a[i, i]
    for i in range(n - 1, -1, -1):
        s = b[i]
        for m in range(i + 1, n):
            s -= a[m, i] * b[m]
        b[i] = s / a[i, i]


@_compiled
def learn(
    t: int,
    keep: float,
    valid: bool,
    z: FloatArray,
    season: FloatArray,
    r: FloatArray,
    total: FloatArray,
    back: IntArray,
    week: IntArray,
    spans: IntArray,
    gram: FloatArray,
    moment: FloatArray,
    predicted: FloatArray,
    limit: float,
) -> None:
    """Fold what was seen in bin t into the regression of every lead. gram: (leads, F, F), moment: (leads, F), predicted: (bins, leads)."""
    leads = gram.shape[0]
    x = np.empty(FEATURES)
    for j in range(1, leads + 1):
        origin = t - j
        if origin < 0 or not valid:
            continue
        target = z[t] - season[t]
        guess = predicted[origin, j - 1] - season[t]
        target = min(max(target, guess - limit), guess + limit)
        _features(origin, j, z, season, r, total, back, week, spans, x)
        g = gram[j - 1]
        m = moment[j - 1]
        for i in range(FEATURES):
            m[i] = keep * m[i] + x[i] * target
            for k in range(i + 1):
                g[i, k] = keep * g[i, k] + x[i] * x[k]


@_compiled
def predict(
    t: int,
    weight: float,
    spread: float,
    fade: float,
    newest: float,
    flat: float,
    z: FloatArray,
    season: FloatArray,
    r: FloatArray,
    total: FloatArray,
    back: IntArray,
    week: IntArray,
    spans: IntArray,
    gram: FloatArray,
    moment: FloatArray,
    predicted: FloatArray,
) -> None:
    """Fill predicted[t, :] in z. `weight`: pseudo-observations of the prior, `spread`: variance of r, `fade`: share of the level kept a lead.

    The prior's level is `newest` times the last residual, the rest the mean of 30 min; `flat` of the season's slope is ignored while it holds.
    """
    leads = gram.shape[0]
    x = np.empty(FEATURES)
    a = np.empty((FEATURES, FEATURES))
    b = np.empty(FEATURES)
    kept = 1.0
    ridge = weight * max(spread, 1e-6)
    for j in range(1, leads + 1):
        kept *= fade
        for i in range(FEATURES):
            b[i] = moment[j - 1, i]
            for k in range(i + 1):
                a[i, k] = gram[j - 1, i, k]
            a[i, i] += ridge
        b[1] += ridge * newest * kept
        b[3] += ridge * (1.0 - newest) * kept
        b[12] -= ridge * flat * kept
        _solve(a, b)
        _features(t, j, z, season, r, total, back, week, spans, x)
        guess = season[t + j]
        for i in range(FEATURES):
            guess += b[i] * x[i]
        predicted[t, j - 1] = guess


@_compiled
def analogs(
    t: int,
    first: int,
    leads: int,
    hour: FloatArray,
    level: FloatArray,
    scale: FloatArray,
    surprise: FloatArray,
    widths: FloatArray,
    age: float,
    chosen: IntArray,
) -> None:
    """Choose chosen.size past origins like t: near in time of day, in level of r, in scale and in the last surprise, and recent.

    `hour`: local time of day in hours. `widths`: kernel widths of those four. Origins are drawn evenly from the cumulated weight, so a
    weight shows as multiplicity and the draw is deterministic. Only origins whose whole path has been seen are eligible.
    """
    last = t - leads
    count = max(1, last - first + 1)
    weight = np.empty(count)
    s = 0.0
    for i in range(count):
        o = min(first + i, max(0, last))
        apart = abs(hour[o] - hour[t])
        apart = min(apart, 24.0 - apart) / widths[0]
        dl = (level[o] - level[t]) / (widths[1] * scale[t])
        ds = (math.log(scale[o]) - math.log(scale[t])) / widths[2]
        du = (surprise[o] / scale[o] - surprise[t] / scale[t]) / widths[3]
        distance = apart * apart + min(dl * dl, 4.0) + min(ds * ds, 4.0) + min(du * du, 4.0)
        s += math.exp(-0.5 * distance - (t - o) / age) + 1e-9
        weight[i] = s
    draws = chosen.size
    at = 0
    for d in range(draws):
        mark = (d + 0.5) / draws * s
        while at < count - 1 and weight[at] < mark:
            at += 1
        chosen[d] = min(first + at, max(0, last))


@_compiled
def scenarios(
    t: int, z: FloatArray, predicted: FloatArray, scale: FloatArray, chosen: IntArray, share: float, offset: float, paths: FloatArray
) -> None:
    """Fill paths (draws, leads) in demand: the prediction plus the chosen origins' errors, rescaled to the present scale to the power `share`."""
    leads = predicted.shape[1]
    for d in range(chosen.size):
        o = chosen[d]
        ratio = (scale[t] / scale[o]) ** share
        ratio = min(max(ratio, 1 / 3), 3.0)
        for j in range(leads):
            error = z[o + j + 1] - predicted[o, j] if o + j + 1 <= t else 0.0
            paths[d, j] = max(0.0, math.exp(min(predicted[t, j] + ratio * error, 60.0)) - offset)
