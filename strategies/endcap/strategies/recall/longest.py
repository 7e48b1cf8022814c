"""The highest inner products with a vector, without looking at all vectors: the longest come first.

A product is at most the one vector's length times the other's (Cauchy and Schwarz), so what is too short to reach the
scores already found need not be looked at (LEMP: Teflioudi, Gemulla and Mykytiuk, SIGMOD 2015). Factors of items differ
in length as the items do in popularity, and the search ends after a few hundredths of a large catalog. Graphs (HNSW) by
inner product were tried first: the nearest of all factors are the same few long ones, and the rest is hard to reach.
They found six to nine tenths of the best 300 in the time in which this finds all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from endcap.bundle.events import Array
from endcap.strategies.batch import Recalled
from endcap.strategies.compiled import SINGLE_ROWS, TO_SINGLES, filled, kernel, several
from endcap.strategies.recall.top import best_products, taken_out

FIRST = 4096
"""Vectors that are looked at in any case: of 64 numbers each, as many as a core's own cache holds."""

HEAD = 1024
"""Of the vectors to which most is added."""
PICK = 6
"""A vector that is picked out costs as much time as this many in a row."""


ROUGH = 65_536
"""Of so many vectors a copy is kept that is a quarter as long: hardly any search goes farther."""


class Added(NamedTuple):
    """Something that is added to each vector's product: see ``added``."""

    head: Array
    """int64[h]: the rows to which most is added; they are looked at in any case."""
    values: Array
    """float32[k]."""
    rest: Array
    """float32[k]: as ``values``, but -inf in the rows of the head."""
    most: Array
    """float32[k]: the most that is added to a row or to one behind it, the head left out."""


def added(values: Array) -> Added:
    """``values`` is float32[k], one each of the vectors, in their order."""
    values = values.astype(np.float32, copy=False)
    head = np.sort(np.argsort(-values, kind="stable")[:HEAD])
    rest = values.copy()
    rest[head] = -np.inf
    return Added(head, values, rest, np.maximum.accumulate(rest[::-1])[::-1].copy())


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
        self.items, self.vectors, self.reach = items, vectors, reach
        self.lengths = np.ascontiguousarray(lengths)
        self._rough = roughly(vectors[:ROUGH])
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
        if not limit:
            return Found(Recalled.none(), 0)
        plus, given = plus or _NOTHING, _ALL if allowed is None else allowed
        heap, at = np.empty(limit, np.float32), np.empty(limit, np.int32)

        def look(rows: Array, start: int, stop: int, surely: int, few: int, more: Array, count: int) -> Any:
            return best_products(
                self.vectors, *self._rough, vector, self.items, given, rows, start, stop, self.lengths, self.reach,
                surely, few, more, plus.most, least, heap, at, count,
            )  # fmt: skip

        count = look(plus.head, 0, len(plus.head), len(self), 0, plus.values, 0)[0] if len(plus.head) else 0
        count, seen, asked, passed = look(_EVERY, 0, len(self), max(FIRST, limit), PICK, plus.rest, count)
        if PICK * passed < asked and seen < len(self):
            rows = self._allowed(given, seen)
            count, place, *_ = look(rows, 0, len(rows), 0, 0, plus.rest, count)
            seen = int(rows[place]) if place < len(rows) else len(self)
        return Found(Recalled(*taken_out(heap, at, count)), seen)

    def _allowed(self, allowed: Array, seen: int) -> Array:
        """int64[m], ascending: the rows behind the first ``seen`` that are of an allowed item."""
        rows = np.sort(self._row_of[np.flatnonzero(allowed[: len(self._row_of)])])
        return rows[np.searchsorted(rows, seen) :].astype(np.int64)


_NOTHING = Added(np.empty(0, np.int64), *[np.empty(0, np.float32)] * 3)
_ALL, _EVERY = np.empty(0, np.bool_), np.empty(0, np.int64)
_TINY = np.finfo(np.float32).tiny


@kernel(several(filled(types.int8, 2), TO_SINGLES)(SINGLE_ROWS))
def roughly(vectors: Array) -> tuple[Array, Array]:
    """Vectors (float32[k, f]) as multiples from -127 to 127 (int8[k, f]) of a step (float32[k]) for each.

    Vector by vector: what NumPy would need in between, 30 MiB of it, a worker would keep.
    """
    multiples, steps = np.empty(vectors.shape, np.int8), np.empty(len(vectors), np.float32)
    for row in range(len(vectors)):
        most = np.float32(0.0)
        for value in vectors[row]:
            most = max(most, abs(value))
        steps[row] = most / np.float32(127.0)
        step = max(steps[row], _TINY)
        for column in range(vectors.shape[1]):
            multiples[row, column] = np.int8(np.rint(vectors[row, column] / step))
    return multiples, steps


def by_length(vectors: Array) -> tuple[Array, Array]:
    """The rows of vectors (float32[k, f]) from the longest to the shortest (int64[k]), and their lengths (float32[k]).

    A length is rounded up, so that a bound by it holds for float32 products as well.
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    order = np.argsort(-lengths, kind="stable")
    return order, np.nextafter((lengths[order] * (1.0 + 1e-5)).astype(np.float32), np.float32(np.inf))
