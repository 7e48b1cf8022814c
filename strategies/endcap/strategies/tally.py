"""Sums by number over a few thousand entries, where the numbers may reach a million.

``numpy.unique`` would sort the entries, and ``numpy.bincount`` would pass over the whole range. A tally keeps, for each
thread, one table over the range that says where each number's sum stands. Every use counts places from a higher base
than the one before, so that nothing has to be cleared: what is below the base is from earlier uses.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.compiled import INT, INT32S, REAL_ROWS, TO_INT32S, TO_REAL_ROWS, kernel

_LARGEST = np.iinfo(np.int32).max


class Sums(NamedTuple):
    """What a tally found, in the order in which numbers first came."""

    keys: Array
    """int32[k], each number once."""
    values: Array
    """float64[k, w]."""


class Tally:
    """Numbers from 0 to ``size - 1``. Safe to share between threads: each has a table of its own, 4 bytes a number."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._own = threading.local()

    def use(self, most: int) -> tuple[Array, int]:
        """For a kernel that finds at most so many numbers: this thread's table, int32[size], and the base from which
        it counts their places. A number is found already where the table says at least the base."""
        own = self._own
        if not hasattr(own, "table") or own.base > _LARGEST - most:
            own.table, own.base = np.zeros(self.size, np.int32), 1
        base: int = own.base
        own.base += max(most, 1)
        return own.table, base

    def sums(self, keys: Array, values: Array) -> Sums:
        """The sum of ``values`` (float[n, w]) for each distinct number of ``keys`` (int[n]); negative ones are left
        out. Entries of one number are added in their order, in float64."""
        values = np.ascontiguousarray(values, np.float64)
        found, sums = np.empty(len(keys), np.int32), np.empty(values.shape)
        count = _sum(*self.use(len(keys)), keys, values, found, sums)
        return Sums(found[:count], sums[:count])


def item_tally(bundle: Bundle) -> Tally:
    """Over the bundle's items; one for all components, which use it one after the other."""
    return bundle.once("item_tally", lambda: Tally(len(bundle.catalog)))


@kernel(INT(TO_INT32S, INT, INT32S, REAL_ROWS, TO_INT32S, TO_REAL_ROWS))
def _sum(table: Array, base: int, keys: Array, values: Array, found: Array, sums: Array) -> int:
    count = 0
    for entry in range(len(keys)):
        key = keys[entry]
        if key < 0:
            continue
        place = table[key] - base
        if place < 0:
            place, table[key] = count, base + count
            found[count], sums[count] = key, 0.0
            count += 1
        for column in range(values.shape[1]):
            sums[place, column] += values[entry, column]
    return count
