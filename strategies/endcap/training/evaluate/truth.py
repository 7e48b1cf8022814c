"""What shoppers went for after a cut-off, as rows that many ranked lists are checked against at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array

NOTHING = -1
"""Fills a ranked list that has fewer items than asked for."""


class Truth(NamedTuple):
    """One row a shopper that is asked about; a row may be empty."""

    offsets: Array
    """int64[rows + 1]."""
    items: Array
    """int32[k]: each row's distinct items, ascending."""

    @staticmethod
    def of_pairs(rows: Array, items: Array, count: int) -> Truth:
        """From (row, item) pairs in any order, repetitions allowed; ``count`` rows in all."""
        keys = np.unique(_keys(rows, items))
        return Truth(_ends(np.bincount(keys >> 32, minlength=count)), (keys & 0xFFFFFFFF).astype(np.int32))

    @staticmethod
    def of_rows(rows: Sequence[Array]) -> Truth:
        numbers = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        return Truth.of_pairs(numbers, np.concatenate([np.empty(0, np.int32), *rows]), len(rows))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> Array:
        """int64[rows]."""
        return np.diff(self.offsets)

    @property
    def rows(self) -> Array:
        """int64[k]: whose each item is."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def of(self, row: int) -> Array:
        items: Array = self.items[self.offsets[row] : self.offsets[row + 1]]
        return items

    def only(self, keep: Array) -> Truth:
        """The same rows with those of their items that bool[k] keeps."""
        return Truth.of_pairs(self.rows[keep], self.items[keep], len(self))

    def take(self, rows: Array) -> Truth:
        """These rows (row numbers or a mask), in their order."""
        chosen = np.arange(len(self))[rows]
        sizes = self.sizes[chosen]
        ends = _ends(sizes)
        places = np.arange(ends[-1]) + np.repeat(self.offsets[chosen] - ends[:-1], sizes)
        return Truth(ends, self.items[places])

    def hits(self, slates: Array) -> Array:
        """bool[rows, depth]: which items of ranked lists (int32[rows, depth], NOTHING at the end) are true."""
        found: Array = np.isin(_keys(np.arange(len(self))[:, None], slates), _keys(self.rows, self.items))
        present: Array = slates != NOTHING
        return found & present


def _ends(sizes: Array) -> Array:
    """int64[n + 1]: where each of n parts begins, and the last ends."""
    ends = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    return ends


def _keys(rows: Array, items: Array) -> Array:
    keys: Array = rows.astype(np.int64) << 32 | items.astype(np.int64)
    return keys
