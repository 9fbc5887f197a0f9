"""One period of the label-setting dynamic program, compiled.

A label is a state, a lower bound and the pods still locked after it. Laws, proven in docs/capacity-model.md:
1. `value` is the cost so far plus the prices already owed for its locked pods; adding the cost-to-go bounds every completion. A move adds
   its relaxed cost and gives back the price of the slack its row turned out to have.
2. A label is dropped when its bound reaches the cutoff, or when another at the same state dominates it: the other's cost, plus the price of
   holding each pod it has locked longer, is no more.
3. The best `width` labels of a state stay apart; the rest merge into one that is at least as good as each: least value, least locks to obey,
   greatest locks to account for. A merged label is a bound, not a plan.

Locks are (labels, dimensions) counts. A row of `rows` (4, r) is one kind of lock: its first dimension, how many it has, its axis, and 1 for
pods bound on or -1 for pods bound off. Dimension i of a row counts pods bound in the i-th period after the label's; its last is always 0, so
that growing a period older is a shift.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
LockArray = NDArray[np.float32]
FlagArray = NDArray[np.uint8]

_compiled = numba.njit(cache=True, nogil=True)
# the terms are small whole numbers, exact in any order of addition; without it the loop does not vectorise
_summing = numba.njit(cache=True, nogil=True, fastmath={"reassoc", "nsz"})


@_summing
def _longer(mine: LockArray, k: int, theirs: LockArray, parent: int, at: int, count: int, added: float) -> float:
    """Sum over a row of (mine - theirs aged and added to)+: pod-periods that mine is locked longer."""
    total = np.float32(0)
    more = np.float32(added)
    for i in range(at, at + count):
        gap = mine[k, i] - theirs[parent, i + 1] - more
        total += gap if gap > np.float32(0) else np.float32(0)
    return float(total)


@_compiled
def _unpaid(
    low: LockArray, high: LockArray, k: int, theirs: LockArray, parent: int, owed: FloatArray, at: int, count: int, added: float
) -> float:
    """Sum over a row of owed x (high - clip(theirs, low, high)): what a merged label may have been given too much."""
    total = 0.0
    for i in range(at, at + count):
        total += owed[i] * max(0.0, high[k, i] - max(theirs[parent, i + 1] + added, low[k, i]))
    return total


@_compiled
def _added(rows: IntArray, row: int, move: IntArray) -> int:
    """Pods that a move locks on a row: its starts, or its stops."""
    return int(max(0, rows[3, row] * move[rows[2, row]]))


@_compiled
def _weaker(
    bare: FloatArray,
    low_kept: LockArray,
    high_kept: LockArray,
    young_kept: FloatArray,
    spread: FloatArray,
    begin: int,
    end: int,
    limit: float,
    low: LockArray,
    high: LockArray,
    young: FloatArray,
    parent: int,
    added: FloatArray,
    rows: IntArray,
    live: IntArray,
    extra: FloatArray,
    owed: FloatArray,
) -> bool:
    """Law 2: whether a label in begin .. end - 1 dominates a candidate, given as its parent's locks and what the move adds to them.

    `bare` and `limit` are values without what is owed, `young` sums of locks, `spread` the most that merging can have given away.
    """
    for k in range(begin, end):
        total = bare[k]
        for row in range(rows.shape[1]):
            # a quick test, rarely wrong: the sum of positive parts is at least the positive part of the sum
            more = young_kept[k, row] - young[parent, row] - added[row] * live[row]
            if more > 0:
                total += extra[row] * more
        if total > limit:
            continue
        total = bare[k]
        for row in range(rows.shape[1]):
            longer = _longer(low_kept, k, low, parent, rows[0, row], live[row], added[row])
            if longer > 0:
                total += extra[row] * longer
        if total <= limit < total + spread[k]:
            for row in range(rows.shape[1]):
                total += _unpaid(low_kept, high_kept, k, high, parent, owed, rows[0, row], live[row], added[row])
        if total <= limit:
            return True
    return False


@_compiled
def _write(locks: LockArray, out: LockArray, added: FloatArray, rows: IntArray) -> None:
    """The locks after a move: one period older, its starts and stops added."""
    for row in range(rows.shape[1]):
        at, size = rows[0, row], rows[1, row]
        for i in range(at, at + size - 1):
            out[i] = locks[i + 1] + added[row]
        out[at + size - 1] = 0


@_compiled
def _absorb(low: LockArray, high: LockArray, low_out: LockArray, high_out: LockArray, added: FloatArray, rows: IntArray) -> None:
    """Law 3: the merged label takes in a candidate, given as its parent's locks and what the move adds to them."""
    for row in range(rows.shape[1]):
        at, size, more = rows[0, row], rows[1, row], np.float32(added[row])
        for i in range(at, at + size - 1):
            low_out[i] = min(low_out[i], low[i + 1] + more)
            high_out[i] = max(high_out[i], high[i + 1] + more)


@_compiled
def _row_sums(locks: LockArray, weight: FloatArray, rows: IntArray, live: IntArray, shift: int, out: FloatArray) -> None:
    """out[j, row] = weighted sum of label j's locks on the row, `shift` periods from now."""
    for j in range(locks.shape[0]):
        for row in range(rows.shape[1]):
            total = 0.0
            for i in range(rows[0, row], rows[0, row] + live[row]):
                total += weight[i] * locks[j, i + shift]
            out[j, row] = total


@_compiled
def _gather(
    target: int,
    held: IntArray,
    first: IntArray,
    value: FloatArray,
    low: LockArray,
    high: LockArray,
    pods: IntArray,
    stage: float,
    guide: float,
    moves: FloatArray,
    most: IntArray,
    rows: IntArray,
    due: FloatArray,
    due_all: FloatArray,
    cutoff: float,
    found_value: FloatArray,
    found_bare: FloatArray,
    found_parent: IntArray,
    found_group: IntArray,
    move: IntArray,
) -> int:
    """Law 1: the moves into a state that its labels' locks allow and that stay below the cutoff; how many were found."""
    found = 0
    for g in range(held.shape[1]):
        cost = stage
        for a in range(move.size):
            move[a] = pods[a, target] - held[a, g]
            cost += moves[0, a] * max(move[a], 0)
        for j in range(first[g], first[g + 1]):
            total = value[j] + cost
            if total + guide >= cutoff:
                break  # a group is sorted: the rest are no better
            bare = 0.0
            allowed = True
            for row in range(rows.shape[1]):
                lock, a, more = rows[0, row], rows[2, row], _added(rows, row, move)
                slack = pods[a, target] - more
                if rows[3, row] > 0:
                    total += moves[1, a] * max(0.0, slack - high[j, lock])
                else:
                    slack = most[a] - pods[a, target] - more
                if slack < low[j, lock]:
                    allowed = False
                    break
                bare -= due[j, row] + due_all[row] * more
            if allowed and total + guide < cutoff:
                found_value[found], found_bare[found], found_parent[found], found_group[found] = total, total + bare, j, g
                found += 1
    return found


@_compiled
def _settle(
    at: int,
    value: FloatArray,
    low: LockArray,
    high: LockArray,
    bare: FloatArray,
    young: FloatArray,
    spread: FloatArray,
    owed: FloatArray,
    rows: IntArray,
    live: IntArray,
) -> None:
    """What `_weaker` asks of a label in place."""
    bare[at], spread[at] = value[at], 0.0
    for row in range(rows.shape[1]):
        young[at, row] = 0.0
        for i in range(rows[0, row], rows[0, row] + live[row]):
            young[at, row] += low[at, i]
            bare[at] -= owed[i] * high[at, i]
            spread[at] += owed[i] * (high[at, i] - low[at, i])


@_compiled
def step(
    held: IntArray,
    first: IntArray,
    value: FloatArray,
    low: LockArray,
    high: LockArray,
    exact: FlagArray,
    pods: IntArray,
    targets: IntArray,
    stage: FloatArray,
    guide: FloatArray,
    moves: FloatArray,
    most: IntArray,
    rows: IntArray,
    live: IntArray,
    extra: FloatArray,
    owed: FloatArray,
    cutoff: float,
    tie: float,
    width: int,
) -> tuple[IntArray, IntArray, FloatArray, LockArray, LockArray, FlagArray]:
    """Extend labels into a period.

    Before it: `held` (a, groups) pods of each group of labels, `first` (groups + 1) their ranges, sorted by value within a group; `value`,
    `low`, `high`, `exact` a label. The period: `pods` (a, s), `targets` states worth entering, `stage` (s,) its relaxed cost, `guide` (s,) a
    bound of all that follows, `moves` (2, a) = price of a start, of the period's minimum-up row; `most` (a,) pods of each column. After it:
    `live` (r,) dimensions of a row within the horizon, `extra` (r,) price of a locked pod kept a period longer, `owed` (d,) owed for it.
    `width` labels a state stay apart; the rest merge, or are dropped if it is negative. Returns state, parent, value, low, high, exact.
    """
    merge, width = width > 0, abs(width)
    axes, dimensions = pods.shape[0], low.shape[1]
    room = min(targets.size * (width + 1), targets.size * value.size)
    state_out, parent_out, value_out = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    low_out, high_out = np.zeros((room, dimensions), np.float32), np.zeros((room, dimensions), np.float32)
    exact_out, bare_out, young_out = np.empty(room, np.uint8), np.empty(room), np.empty((room, rows.shape[1]))
    spread_out, added = np.empty(room), np.empty(rows.shape[1])
    # what is locked and owed a period later, so that a candidate is weighed without writing out its locks
    young, due, due_all = np.empty((value.size, rows.shape[1])), np.empty((value.size, rows.shape[1])), np.zeros(rows.shape[1])
    _row_sums(low, np.ones(dimensions), rows, live, 1, young)
    _row_sums(high, owed, rows, live, 1, due)
    for row in range(rows.shape[1]):
        for i in range(rows[0, row], rows[0, row] + live[row]):
            due_all[row] += owed[i]
    found_value, found_bare = np.empty(value.size), np.empty(value.size)
    found_parent, found_group = np.empty(value.size, np.int64), np.empty(value.size, np.int64)
    move = np.empty(axes, np.int64)
    count = 0
    for target in targets:
        found = _gather(
            target, held, first, value, low, high, pods, stage[target], guide[target], moves, most, rows, due, due_all, cutoff,
            found_value, found_bare, found_parent, found_group, move,
        )  # fmt: skip
        begin, merged = count, -1
        for c in np.argsort(found_value[:found]):
            j = found_parent[c]
            for a in range(axes):
                move[a] = pods[a, target] - held[a, found_group[c]]
            for row in range(rows.shape[1]):
                added[row] = _added(rows, row, move)
            if _weaker(
                bare_out, low_out, high_out, young_out, spread_out, begin, count, found_bare[c] + tie,
                low, high, young, j, added, rows, live, extra, owed,
            ):  # fmt: skip
                continue
            if merged < 0 and (merge or count - begin < width):
                at = count
                state_out[at], parent_out[at], value_out[at], exact_out[at] = target, j, found_value[c], exact[j]
                _write(low[j], low_out[at], added, rows)
                _write(high[j], high_out[at], added, rows)
                if count - begin == width:
                    merged = count
                count += 1
            elif merge:
                at = merged
                exact_out[at] = 0
                _absorb(low[j], high[j], low_out[at], high_out[at], added, rows)
            else:
                break
            _settle(at, value_out, low_out, high_out, bare_out, young_out, spread_out, owed, rows, live)
    return state_out[:count], parent_out[:count], value_out[:count], low_out[:count], high_out[:count], exact_out[:count]
