"""Sums by number over a few thousand entries, where the numbers may reach a million.

``numpy.unique`` would sort the entries, and ``numpy.bincount`` would pass over the whole range. A tally keeps, for each
thread, one table over the range that says where each number's sum stands; a new use only raises a stamp, so that
nothing has to be cleared.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.compiled import compiled

_LAST_STAMP = np.iinfo(np.int32).max


class Sums(NamedTuple):
    """What a tally found, in the order in which numbers first came."""

    keys: Array
    """int32[k], each number once."""
    values: Array
    """float64[k, w]."""


class Tally:
    """Numbers from 0 to ``size - 1``. Safe to share between threads: each has a table of its own, 8 bytes a number."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._own = threading.local()

    def use(self) -> tuple[Array, np.int32]:
        """For a kernel: this thread's int32[size, 2], of each number the stamp of its last use and its place then, and
        a stamp that no earlier use had."""
        own = self._own
        if not hasattr(own, "table") or own.stamp == _LAST_STAMP:
            own.table, own.stamp = np.zeros((self.size, 2), np.int32), np.int32(0)
        own.stamp += np.int32(1)
        return own.table, own.stamp

    def sums(self, keys: Array, values: Array) -> Sums:
        """The sum of ``values`` (float[n, w]) for each distinct number of ``keys`` (int[n]); negative ones are left
        out. Entries of one number are added in their order, in float64."""
        found, sums = np.empty(len(keys), np.int32), np.empty((len(keys), values.shape[1]))
        count = _sum(*self.use(), keys, values, found, sums)
        return Sums(found[:count], sums[:count])

    def look_up(self, sums: Sums, wanted: Array) -> Array:
        """float64[n, w]: the sums of each wanted number (int[n]), 0 where there is none."""
        out = np.zeros((len(wanted), sums.values.shape[1]))
        _look_up(*self.use(), sums.keys, sums.values, wanted, out)
        return out


def item_tally(bundle: Bundle) -> Tally:
    """Over the bundle's items; one for all components, which use it one after the other."""
    return bundle.once("item_tally", lambda: Tally(len(bundle.catalog)))


@compiled
def _sum(table: Array, stamp: np.int32, keys: Array, values: Array, found: Array, sums: Array) -> int:
    count = 0
    for entry in range(len(keys)):
        key = keys[entry]
        if key < 0:
            continue
        if table[key, 0] != stamp:
            table[key, 0], table[key, 1] = stamp, count
            found[count] = key
            sums[count] = 0.0
            count += 1
        for column in range(values.shape[1]):
            sums[table[key, 1], column] += values[entry, column]
    return count


@compiled
def _look_up(table: Array, stamp: np.int32, keys: Array, values: Array, wanted: Array, out: Array) -> None:
    for place in range(len(keys)):
        table[keys[place], 0], table[keys[place], 1] = stamp, place
    for row in range(len(wanted)):
        key = wanted[row]
        if key >= 0 and table[key, 0] == stamp:
            out[row] = values[table[key, 1]]
