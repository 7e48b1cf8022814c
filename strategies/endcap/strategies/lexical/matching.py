"""How the words of a search are found in given items: each candidate's BM25, by word and field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba.core import types

from endcap.bundle.events import Array
from endcap.strategies.compiled import INT32S, INT64S, NOTHING, SINGLE, SINGLES, compiled, filled, given, kernel
from endcap.strategies.lexical.index import LexicalIndex
from endcap.strategies.lexical.plan import Slot


def matched(slots: Sequence[Slot], index: LexicalIndex, items: Array) -> Array:
    """float32[slots, n, 1 + fields]: the BM25 of each slot's best option for each item (int32[n]), in whole and by
    field.

    A field counts an option of several words only where it has all of them; so does the whole.
    """
    options = [(number, option) for number, slot in enumerate(slots) for option in slot.options]
    words = np.array([word for _, option in options for word in option.words], np.int64)
    firsts = np.cumsum([0, *(len(option.words) for _, option in options)], dtype=np.int64)
    slot_of = np.array([number for number, _ in options], np.int64)
    weights = np.array([option.weight for _, option in options], np.float32)
    found = np.zeros((len(slots), len(items), 1 + len(index.fields)), np.float32)
    places = np.stack([index.offsets[words], index.offsets[words + 1]])
    _match(items, index.items, index.whole, index.by_field.view(np.uint16), *places, firsts, weights, slot_of, found)
    return found


@compiled
def _seek(items: Array, low: int, end: int, item: int) -> int:
    """The first place from ``low`` on whose item is not below ``item``, or ``end``; near places are found sooner."""
    step = 1
    while low + step <= end and items[low + step - 1] < item:
        low += step
        step *= 2
    high = min(low + step - 1, end)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low


_SCALE = np.float32(2.0**112)


@compiled
def _single(half: int) -> Any:
    """The float32 of a float16 of 0 or above, by its bits: Numba knows no float16."""
    return np.uint32(np.uint32(half) << np.uint32(13)).view(np.float32) * _SCALE


@kernel(
    NOTHING(
        INT32S,
        INT32S,
        SINGLES,
        given(types.uint16, 2),
        INT64S,
        INT64S,
        INT64S,
        SINGLES,
        INT64S,
        filled(SINGLE, 3),
    )
)
def _match(
    items: Array,
    postings: Array,
    whole: Array,
    by_field: Array,
    starts: Array,
    ends: Array,
    firsts: Array,
    weights: Array,
    slot_of: Array,
    found: Array,
) -> None:
    """Of ``starts`` and ``ends`` each word has its own, and of ``weights`` and ``slot_of`` each option, whose words
    begin at ``firsts``."""
    width = found.shape[2]
    total = np.empty(width, np.float32)
    for option in range(len(weights)):
        first, last, weight = firsts[option], firsts[option + 1], weights[option]
        lows = starts[first:last].copy()
        before = np.int32(-1)
        for row in range(len(items)):
            if items[row] < before:
                lows[:] = starts[first:last]
            before = items[row]
            everywhere = True
            for word in range(first, last):
                place = _seek(postings, lows[word - first], ends[word], before)
                lows[word - first] = place
                everywhere &= place < ends[word] and postings[min(place, ends[word] - 1)] == before
            if not everywhere:
                continue
            for column in range(width):
                total[column] = 0.0
                for word in range(first, last):
                    place = lows[word - first]
                    worth = whole[place] if column == 0 else _single(by_field[place, column - 1])
                    if not worth > 0:
                        total[column] = 0.0
                        break
                    total[column] += worth
            best = found[slot_of[option], row]
            for column in range(width):
                best[column] = max(best[column], weight * total[column])
