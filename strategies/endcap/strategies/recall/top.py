"""The best of many scores, in one pass: a heap of the best so far, which most scores fall short of at once. Of few
scores all are sorted."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.batch import Recalled
from endcap.strategies.compiled import (
    BYTE_ROWS,
    FLAGS,
    INT,
    INT32S,
    INT64S,
    REAL,
    REALS,
    SINGLE,
    SINGLE_ROWS,
    SINGLES,
    TO_INT32S,
    TO_REALS,
    TO_SINGLES,
    compiled,
    fetch,
    kernel,
    several,
)


def top(scores: Array, limit: int, allowed: Array | None = None, items: Array | None = None) -> Recalled:
    """The ``limit`` items of highest positive score, ties by item number.

    ``scores`` is float[n], one each of ``items`` (int[n], distinct), or of the items 0 to n - 1; an item at zero or
    below, or not ``allowed`` (bool, by item), is never proposed.
    """
    if not scores.flags.c_contiguous:
        scores = np.ascontiguousarray(scores)
    if items is None:
        items = _NONE
    elif items.dtype != np.int32:
        items = items.astype(np.int32)
    best = _few_best if len(scores) <= FEW and scores.dtype == np.float32 else _best
    return Recalled(*best(scores, limit, items, _ALL if allowed is None else allowed))


FEW = 1024
"""So many scores at most are all sorted."""


_LEAST = np.finfo(np.float32).smallest_subnormal
_NONE, _ALL = np.empty(0, np.int32), np.empty(0, np.bool_)


@compiled
def sink(heap: Array, at: Array, size: int, score: float, number: int) -> None:
    """Put a pair in the place of the topmost of the first ``size``, and down to where it belongs."""
    place = 0
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        other = below + 1
        if other < size and (heap[other] < heap[below] or (heap[other] == heap[below] and at[other] > at[below])):
            below = other
        if score < heap[below] or (score == heap[below] and number > at[below]):
            break
        heap[place], at[place] = heap[below], at[below]
        place = below
    heap[place], at[place] = score, number


@compiled
def keep(scores: Array, numbers: Array, allowed: Array, floor: float, heap: Array, at: Array, count: int) -> int:
    """Takes what scores at least ``floor`` and is allowed into a heap with places for the best, the worst on top;
    ``count`` of them are taken already. Says how many are then. Empty ``numbers`` and ``allowed`` stand for all."""
    most = len(heap)
    if count == most:
        floor = max(floor, heap[0])
    for row in range(len(scores)):
        score = scores[row]
        if not score >= floor:  # NaN too
            continue
        number = numbers[row] if len(numbers) else row
        if len(allowed) and not allowed[number]:
            continue
        if count < most:
            place, count = count, count + 1
            while place > 0:
                above = (place - 1) // 2
                if heap[above] < score or (heap[above] == score and at[above] > number):
                    break
                heap[place], at[place] = heap[above], at[above]
                place = above
            heap[place], at[place] = score, number
            if count < most:
                continue
        elif score > heap[0] or number < at[0]:
            sink(heap, at, most, score, number)
        floor = heap[0]
    return count


@kernel(*(several(TO_INT32S, TO_SINGLES)(heap, TO_INT32S, INT) for heap in (TO_SINGLES, TO_REALS)))
def taken_out(heap: Array, at: Array, count: int) -> tuple[Array, Array]:
    """The numbers and scores of a heap of ``count``, best first. It is of no use afterwards."""
    for last in range(count - 1, 0, -1):
        score, number = heap[last], at[last]
        heap[last], at[last] = heap[0], at[0]
        sink(heap, at, last, score, number)
    return at[:count], heap[:count].astype(np.float32)


MANY, STRETCH = 8192, 64
"""So many scores are gone through by stretches: in most of them none is high enough."""


@compiled
def _reached(scores: Array, start: int, floor: float) -> bool:
    """Whether any of a stretch of scores is as high: the processor compares many at once."""
    reached = np.uint32(0)
    for place in range(STRETCH):
        reached |= np.uint32(scores[np.uint64(start) + np.uint64(place)] >= floor)
    return bool(reached > 0)


@kernel(*(several(TO_INT32S, TO_SINGLES)(scores, INT, INT32S, FLAGS) for scores in (SINGLES, REALS)))
def _best(scores: Array, limit: int, numbers: Array, allowed: Array) -> tuple[Array, Array]:
    """The numbers and scores, best first. Empty arrays stand for all."""
    most, count, start = min(limit, len(scores)), 0, 0
    heap, at = np.empty(most, scores.dtype), np.empty(most, np.int32)
    while most and len(numbers) >= MANY and start + STRETCH <= len(scores):
        if count < most or _reached(scores, start, heap[0]):
            stop = start + STRETCH
            count = keep(scores[start:stop], numbers[start:stop], allowed, _LEAST, heap, at, count)
        start += STRETCH
    if most:
        count = keep(scores[start:], numbers[start:], allowed, _LEAST, heap, at, count)
    best: tuple[Array, Array] = taken_out(heap, at, count)
    return best


@kernel(several(TO_INT32S, TO_SINGLES)(SINGLES, INT, INT32S, FLAGS))
def _few_best(scores: Array, limit: int, numbers: Array, allowed: Array) -> tuple[Array, Array]:
    """As ``_best``. Where the numbers rise all scores are sorted by radix: no processor foresees the branches that a
    heap takes. The bits of a positive float32 rise with it."""
    for row in range(1, len(numbers)):
        if numbers[row] <= numbers[row - 1]:
            by_heap: tuple[Array, Array] = _best(scores, limit, numbers, allowed)
            return by_heap
    bits, count, starts = scores.view(np.int32), 0, np.zeros((4, 256), np.int64)
    keys, other = np.empty(len(scores), np.uint64), np.empty(len(scores), np.uint64)
    for row in range(len(scores)):
        if scores[row] >= _LEAST and (len(allowed) == 0 or allowed[numbers[row] if len(numbers) else row]):
            falling = np.uint64(0x7FFFFFFF - bits[row])
            keys[count] = (falling << np.uint64(32)) | np.uint64(row)
            for byte in range(4):
                starts[byte, (falling >> np.uint64(8 * byte)) & np.uint64(255)] += 1
            count += 1
    for byte in range(4):
        start = 0
        for value in range(256):
            start, starts[byte, value] = start + starts[byte, value], start
        for place in range(count):
            key = keys[np.uint64(place)]
            value = (key >> np.uint64(32 + 8 * byte)) & np.uint64(255)
            other[np.uint64(starts[byte, value])] = key
            starts[byte, value] += 1
        keys, other = other, keys
    count = min(count, limit)
    found, best = np.empty(count, np.int32), np.empty(count, np.float32)
    for place in range(count):
        row = keys[place] & np.uint64(0xFFFFFFFF)
        found[place], best[place] = numbers[row] if len(numbers) else row, scores[row]
    return found, best


BLOCK = 64


@kernel(
    several(INT, INT, INT, INT)(
        SINGLE_ROWS, BYTE_ROWS, SINGLES, SINGLES, INT32S, FLAGS, INT64S, INT, INT, SINGLES, REAL, INT, INT,
        SINGLES, SINGLES, SINGLE, TO_SINGLES, TO_INT32S, INT,
    ),
    sums_in_any_order=True,
)  # fmt: skip
def best_products(
    vectors: Array,
    rough: Array,
    steps: Array,
    vector: Array,
    items: Array,
    allowed: Array,
    rows: Array,
    start: int,
    stop: int,
    lengths: Array,
    reach: float,
    surely: int,
    few: int,
    more: Array,
    most: Array,
    least: float,
    heap: Array,
    at: Array,
    count: int,
) -> tuple[int, int, int, int]:
    """Takes the best products of ``vector`` with the rows from ``start`` to ``stop`` of ``rows``, or of all where it is
    empty, into a heap as ``keep`` does: those of allowed items, ``more`` (by row) added, of at least ``least``.

    Behind the first ``surely`` rows the search ends where ``reach`` times both lengths, with ``most`` (by row) added,
    is less than what there is already; or where of the items only one in ``few`` or less was allowed. The first rows
    are also there as ``rough`` multiples of ``steps``, which are read first: where even the most that the rounding can
    hide does not lift a product to what there is already, the row itself is not read, nor asked if its item is allowed.
    Returns how many places of the heap are taken, where the search ended, how many were asked, and are allowed.
    """
    width, square, total, asked, passed, place = len(vector), 0.0, 0.0, 0, 0, start
    for value in vector:
        square += np.float64(value) * value
        total += np.float64(abs(value))
    reach *= np.sqrt(square)
    hidden = np.float32(0.505 * total)  # of a step: half of it by rounding, and a hundredth of that for float32's own
    taken, numbers, scores = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int32), np.empty(BLOCK, np.float32)
    while place < stop:
        row = rows[place] if len(rows) else place
        floor = max(least, heap[0]) if count == len(heap) else least
        bound = reach * lengths[row] + (most[row] if len(most) else 0.0) if row >= surely else np.inf
        if (floor > 0.0 and bound < floor) or (row >= surely and few * passed < asked and few):
            break
        end, size = min(place + BLOCK, stop), 0
        for each in range(place, end):
            row = rows[each] if len(rows) else each
            if floor > 0.0 and row < len(rough):
                about = np.float32(0.0)
                for column in range(width):
                    about += np.float32(rough[row, column]) * vector[column]
                if (about + hidden) * steps[row] + (more[row] if len(more) else np.float32(0.0)) < floor:
                    continue
            asked += 1
            if len(allowed) and not allowed[items[row]]:
                continue
            for column in range(0, width, 16):
                fetch(vectors, row * width + column)
            passed += 1
            taken[size] = row
            size += 1
        for each in range(size):
            row, product = taken[each], np.float32(0.0)
            for column in range(width):
                product += vectors[row, column] * vector[column]
            numbers[each], scores[each] = items[row], product + more[row] if len(more) else product
        count = keep(scores[:size], numbers[:size], _ALL, max(least, _LEAST), heap, at, count)
        place = end
    return count, place, asked, passed
