"""The dynamic programme behind `optimized`, compiled: what to order and stop now, with recourse to what will be known later.

1. The state is the pods serving, of every tier, on the full grid. A tier's starts are free from a stage on; before that only what was ordered
   arrives. Pods within their minimum up time bound the state from below.
2. Scenario paths form a tree. Until the first branching all paths share one plan; then each group of paths has its own, because by then it
   will be known which group the day belongs to. (Multistage stochastic unit commitment with a scenario tree: Takriti, Birge & Long 1996.)
3. A stage costs pods x price + expected shortage x price over the paths of its node; a start costs its price plus what the minimum up time binds.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_compiled = numba.njit(cache=True, nogil=True, fastmath=True)


@_compiled
def _reach(v: FloatArray, shape: IntArray, free: NDArray[np.bool_], arriving: IntArray, start: FloatArray, scratch: FloatArray) -> None:
    """v[n] <- least over n' of v[n'] + starts: n' <= n + arriving where a tier is not free, any n' at `start` a pod more where it is."""
    inner = v.size
    outer = 1
    for axis in range(shape.size):
        size = shape[axis]
        inner //= size
        for o in range(outer):
            for i in range(inner):
                at = o * size * inner + i
                for k in range(1, size):
                    v[at + k * inner] = min(v[at + k * inner], v[at + (k - 1) * inner])
                if free[axis]:
                    for k in range(size - 2, -1, -1):
                        v[at + k * inner] = min(v[at + k * inner], v[at + (k + 1) * inner] + start[axis])
                elif arriving[axis] > 0:
                    for k in range(size):
                        scratch[k] = v[at + min(size - 1, k + arriving[axis]) * inner]
                    for k in range(size):
                        v[at + k * inner] = scratch[k]
        outer *= size


@_compiled
def _merge(value: FloatArray, edges: IntArray, finer: IntArray, parts: int, finer_parts: int) -> None:
    """value[node] <- expectation over the node's children, in place; edges, finer: first path of each node and of each child."""
    ratio = finer_parts // parts
    for node in range(parts):
        total = edges[node + 1] - edges[node]
        for i in range(value.shape[1]):
            mean = 0.0
            for child in range(node * ratio, (node + 1) * ratio):
                mean += value[child, i] * (finer[child + 1] - finer[child])
            value[node, i] = mean / total


@_compiled
def plan(
    shape: IntArray,
    coords: IntArray,
    capacity: FloatArray,
    rate: FloatArray,
    start: FloatArray,
    free_from: IntArray,
    arriving: IntArray,
    locked: IntArray,
    hours: FloatArray,
    shortfall: float,
    demand: FloatArray,
    level: IntArray,
    edges: IntArray,
    parts: IntArray,
    last: int,
    first: int,
    value: FloatArray,
    kept: FloatArray,
) -> None:
    """Go back from stage `last` to stage `first`; fill kept[s, node, state]: cost of holding `state` in stage s and going on, where it has room.

    value: (nodes, states), cost of going on after `last`; left as the cost of what is before `first`, so that another call can go on.
    free_from: (tiers,), the first stage in which a tier's starts are free. coords: (states, tiers). capacity, rate: (states,) in units and USD an
    hour. arriving, locked: (stages, tiers). demand: (stages, paths), the paths of a node being neighbours. level[s]: the level of the tree in
    stage s. edges[level, node]: first path of a node. parts[level]: nodes.
    """
    stages = demand.shape[0]
    states = capacity.size
    tiers = shape.size
    scratch = np.empty(shape.max())
    free = np.empty(tiers, dtype=np.bool_)
    by_capacity = np.argsort(capacity)
    for s in range(last, first - 1, -1):
        here = level[s]
        after = level[min(s + 1, stages - 1)]
        if after > here:
            _merge(value, edges[here], edges[after], parts[here], parts[after])
        for tier in range(tiers):
            free[tier] = s >= free_from[tier]
        for node in range(parts[here]):
            begin = edges[here, node]
            end = edges[here, node + 1]
            v = value[node]
            scale = shortfall * hours[s] / (end - begin)
            ordered = np.sort(demand[s, begin:end])
            above = 0.0  # sum of the demands not served by the state at hand; states are visited from the largest down
            reached = ordered.size
            for place in range(states - 1, -1, -1):
                i = by_capacity[place]
                while reached > 0 and ordered[reached - 1] > capacity[i]:
                    reached -= 1
                    above += ordered[reached]
                v[i] += rate[i] * hours[s] + scale * (above - (ordered.size - reached) * capacity[i])
            for tier in range(tiers):
                if locked[s, tier] > 0:
                    for i in range(states):
                        if coords[i, tier] < locked[s, tier]:
                            v[i] += 1e15
            if s < kept.shape[0]:
                kept[s, node] = v
            _reach(v, shape, free, arriving[s], start, scratch)


@_compiled
def best(
    stage: int, node: int, held: IntArray, coords: IntArray, start: FloatArray, free_from: IntArray, arriving: IntArray, kept: FloatArray
) -> tuple[int, float]:
    """The state to hold in a stage, coming from `held` pods, shape (tiers,), and its cost from there on."""
    least = np.inf
    chosen = 0
    for i in range(coords.shape[0]):
        cost = kept[stage, node, i]
        for tier in range(held.size):
            more = coords[i, tier] - held[tier]
            if stage >= free_from[tier]:
                if more > 0:
                    cost += start[tier] * more
            elif more > arriving[stage, tier]:
                cost += 1e18
        if cost < least:
            least = cost
            chosen = i
    return chosen, least
