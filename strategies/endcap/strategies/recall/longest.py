"""The highest inner products with a vector, without looking at all vectors: the longest come first.

A product is at most the one vector's length times the other's (Cauchy and Schwarz), so what is too short to reach the
scores already found need not be looked at (LEMP: Teflioudi, Gemulla and Mykytiuk, SIGMOD 2015). Factors of items differ
in length as the items do in popularity, and the search ends after a few hundredths of a large catalog. Graphs (HNSW) by
inner product were tried first: the nearest of all factors are the same few long ones, and the rest is hard to reach.
They found six to nine tenths of the best 300 in the time in which this finds all.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.batch import Recalled
from endcap.strategies.recall.top import top

FIRST = 4096
"""Vectors that are looked at in any case: of 64 numbers each, as many as a core's own cache holds."""

STEP = 4
HEAD = 1024
"""Of the vectors to which most is added."""
PICK = 6
"""A vector that is picked out costs as much time as this many in a row."""


class Added(NamedTuple):
    """Something that is added to each vector's product: see ``added``."""

    head: Array
    """int64[h]: the rows to which most is added; they are looked at in any case."""
    of_head: Array
    """float32[h]."""
    rest: Array
    """float32[k]: to the others; -inf in the rows of the head."""
    most: Array
    """float32[k]: the most that is added to a row or to one behind it, the head left out."""


def added(values: Array) -> Added:
    """``values`` is float32[k], one each of the vectors, in their order."""
    head = np.sort(np.argsort(-values, kind="stable")[:HEAD])
    rest = values.astype(np.float32)
    rest[head] = -np.inf
    return Added(head, values[head].astype(np.float32), rest, np.maximum.accumulate(rest[::-1])[::-1])


class Found(NamedTuple):
    best: Recalled
    seen: int
    """How many of the vectors were looked at, in a row from the longest."""


class Longest:
    """Vectors (float32[k, f]) of items (int32[k]), by falling length (float32[k], none too low).

    ``reach`` is the highest cosine that a vector not yet looked at is expected to have with what is searched for. With
    1 nothing is ever missed; training chooses less where that hardly misses anything.
    """

    def __init__(self, items: Array, vectors: Array, lengths: Array, reach: float) -> None:
        self.items, self.vectors, self.lengths, self.reach = items, vectors, lengths, reach
        self._row_of = np.full(int(items.max(initial=-1)) + 1, -1, np.int32)  # -1: not among these items
        self._row_of[items] = np.arange(len(items), dtype=np.int32)

    def __len__(self) -> int:
        return len(self.items)

    def search(
        self, vector: Array, limit: int, allowed: Array | None = None, least: float = 0.0, plus: Added | None = None
    ) -> Found:
        """The ``limit`` items of the highest positive products with a vector (float32[f]), ties by item number.

        Only those ``allowed`` (bool, by item). A score below ``least`` may be missing.
        """
        found, seen, stop = self._head(vector, limit, allowed, plus), 0, max(FIRST, limit)
        while seen < len(self):
            stop = min(stop, len(self))
            rows = self._rows(seen, stop, allowed)
            found = self._with(found, rows, vector, limit, allowed, plus)
            seen, stop = stop, self._needed(stop, vector, limit, found, least, plus)
            if stop <= seen:
                break
        return Found(found, seen)

    def _head(self, vector: Array, limit: int, allowed: Array | None, plus: Added | None) -> Recalled:
        if plus is None:
            return Recalled.none()
        scores = self.vectors[plus.head] @ vector + plus.of_head
        return top(scores, limit, allowed, self.items[plus.head])

    def _rows(self, seen: int, stop: int, allowed: Array | None) -> slice | Array:
        """The rows to look at, of a stretch; picking a few is quicker than looking at all."""
        if allowed is None or PICK * np.count_nonzero(allowed) >= len(allowed):
            return slice(seen, stop)
        if stop - seen < len(self) / 4:
            return seen + np.flatnonzero(allowed[self.items[seen:stop]])
        rows = np.sort(self._row_of[np.flatnonzero(allowed[: len(self._row_of)])])
        first, last = np.searchsorted(rows, (seen, stop))
        return rows[first:last]

    def _with(
        self, found: Recalled, rows: slice | Array, vector: Array, limit: int, allowed: Array | None, plus: Added | None
    ) -> Recalled:
        scores = self.vectors[rows] @ vector
        if plus is not None:
            scores += plus.rest[rows]
        both = np.concatenate([found.scores, scores]), np.concatenate([found.items, self.items[rows]])
        return top(both[0], limit, allowed, both[1])

    def _needed(self, seen: int, vector: Array, limit: int, found: Recalled, least: float, plus: Added | None) -> int:
        """How many vectors to look at next, in steps: the more was looked at, the less of the rest can matter."""
        floor = max(least, float(found.scores[-1]) if len(found.scores) == limit else 0.0)
        if floor <= 0.0:  # a filter lets few pass: where another step will not find enough, take all that it lets pass
            return STEP * seen if 2 * STEP * len(found.scores) > limit else len(self)
        length = self.reach * float(np.sqrt(vector @ vector))

        def short(row: int) -> bool:
            return length * float(self.lengths[row]) + (float(plus.most[row]) if plus else 0.0) < floor

        return bisect_left(range(min(len(self), STEP * seen)), True, lo=seen, key=short)


def by_length(vectors: Array) -> tuple[Array, Array]:
    """The rows of vectors (float32[k, f]) from the longest to the shortest (int64[k]), and their lengths (float32[k]).

    A length is rounded up, so that a bound by it holds for float32 products as well.
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    order = np.argsort(-lengths, kind="stable")
    return order, np.nextafter((lengths[order] * (1.0 + 1e-5)).astype(np.float32), np.float32(np.inf))
