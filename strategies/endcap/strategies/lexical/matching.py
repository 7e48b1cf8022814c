"""How the words of a search are found in given items: each candidate's BM25, by word and field."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numba.core import types

from endcap.bundle.events import Array
from endcap.strategies.compiled import INT, INT32S, INT64S, SINGLE, SINGLES, compiled, fetch, filled, given, kernel
from endcap.strategies.lexical.index import LexicalIndex
from endcap.strategies.lexical.plan import Slot


def matched(slots: Sequence[Slot], index: LexicalIndex, items: Array) -> Array:
    """float32[slots, n, 1 + fields]: the BM25 of each slot's best option for each item (int32[n]), in whole and by
    field.

    A field counts an option of several words only where it has all of them; so does the whole.
    """
    options = [(number, option) for number, slot in enumerate(slots) for option in slot.options]
    spans = [index.span(word) for _, option in options for word in option.words]
    firsts = accumulate((len(option.words) for _, option in options), initial=0)
    numbers = [*(number for number, _ in options), *firsts, *(place for span in spans for place in span)]
    plan, weights = np.array(numbers, np.int64), np.array([option.weight for _, option in options], np.float32)
    found: Array = _match(items, index.items, index.whole, index.halves, plan, weights, len(slots))
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


@compiled
def _places(items: Array, postings: Array, whole: Array, by_field: Array, spans: Array) -> Array:
    """int64[words, n]: where each item is among a word's postings, or -1; what is said there is asked for."""
    places = np.empty((len(spans) // 2, len(items)), np.int64)
    for word in range(len(places)):
        start, end, before = spans[2 * word], spans[2 * word + 1], np.int32(-1)
        low = start
        for row in range(len(items)):
            item = items[row]
            low = _seek(postings, low if item >= before else start, end, item)
            before = item
            there = low < end and postings[min(low, end - 1)] == item
            places[word, row] = low if there else -1
            if there:
                fetch(whole, low)
                fetch(by_field, low * by_field.shape[1])
    return places


@kernel(filled(SINGLE, 3)(INT32S, INT32S, SINGLES, given(types.uint16, 2), INT64S, SINGLES, INT))
def _match(
    items: Array, postings: Array, whole: Array, by_field: Array, plan: Array, weights: Array, slots: int
) -> Array:
    """Of k options, ``plan`` says the slot of each, then k + 1 times which of the words is its first, then for each
    word where its postings start and end. ``weights`` are the options'."""
    count, width = len(weights), 1 + by_field.shape[1]
    found, total = np.zeros((slots, len(items), width), np.float32), np.empty(width, np.float32)
    places = _places(items, postings, whole, by_field, plan[2 * count + 1 :])
    for option in range(count):
        first, last, weight = plan[count + option], plan[count + option + 1], weights[option]
        for row in range(len(items)):
            everywhere = True
            for word in range(first, last):
                everywhere &= places[word, row] >= 0
            if not everywhere:
                continue
            for column in range(width):
                total[column] = 0.0
                for word in range(first, last):
                    place = places[word, row]
                    worth = whole[place] if column == 0 else _single(by_field[place, column - 1])
                    if not worth > 0:
                        total[column] = 0.0
                        break
                    total[column] += worth
            best = found[plan[option], row]
            for column in range(width):
                best[column] = max(best[column], weight * total[column])
    return found
