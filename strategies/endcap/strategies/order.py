"""Rows in the order of small numbers, such as items."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array

_ROW = 2**32 - 1


def rows_by(numbers: Array) -> Array:
    """int64[n]: the rows of ``numbers`` (int32[n]) by rising number, equal ones as they stand.

    As a stable ``numpy.argsort``, in a third of its time: number and row make one int64, and these are all distinct, so
    that the quickest sort will do.
    """
    rows: Array = in_order(numbers) & _ROW
    return rows


def in_order(numbers: Array) -> Array:
    """int64[n]: each of ``numbers`` (int32[n]) times 2^32 plus its row, ascending: for a kernel that reads both."""
    pairs = np.left_shift(numbers, 32, dtype=np.int64)
    pairs |= np.arange(len(pairs))
    pairs.sort()
    return pairs
