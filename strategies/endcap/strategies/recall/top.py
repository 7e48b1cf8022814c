"""The best of many scores, in one pass: a heap of the best so far, which most scores fall short of at once."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.batch import Recalled
from endcap.strategies.compiled import FLAGS, INT, INT32S, REALS, SINGLES, TO_INT32S, TO_SINGLES, compiled, kernel


def top(scores: Array, limit: int, allowed: Array | None = None, items: Array | None = None) -> Recalled:
    """The ``limit`` items of highest positive score, ties by item number.

    ``scores`` is float[n], one each of ``items`` (int[n], distinct), or of the items 0 to n - 1; an item at zero or
    below, or not ``allowed`` (bool, by item), is never proposed.
    """
    limit = min(limit, len(scores))
    best, at = np.empty(limit, np.float32), np.empty(limit, np.int32)
    numbers = _NONE if items is None else items.astype(np.int32, copy=False)
    count = _best(np.ascontiguousarray(scores), numbers, _ALL if allowed is None else allowed, best, at)
    return Recalled(at[:count], best[:count])


_LEAST = np.finfo(np.float32).smallest_subnormal
_NONE, _ALL = np.empty(0, np.int32), np.empty(0, np.bool_)


@compiled
def _sink(heap: Array, at: Array, size: int, score: float, number: int) -> None:
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


@kernel(*(INT(scores, INT32S, FLAGS, TO_SINGLES, TO_INT32S) for scores in (SINGLES, REALS)))
def _best(scores: Array, numbers: Array, allowed: Array, best: Array, at: Array) -> int:
    """Fills ``best`` and ``at``, best first, and says how many there are. Empty arrays stand for all."""
    most, count, floor = len(best), 0, _LEAST
    heap = np.empty(most, scores.dtype)  # the worst on top
    for row in range(len(scores) if most else 0):
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
        elif score > heap[0] or number < at[0]:
            _sink(heap, at, most, score, number)
        if count == most:
            floor = heap[0]
    for last in range(count - 1, 0, -1):
        score, number = heap[last], at[last]
        best[last], at[last] = heap[0], at[0]
        _sink(heap, at, last, score, number)
    if count:
        best[0] = heap[0]
    return count
