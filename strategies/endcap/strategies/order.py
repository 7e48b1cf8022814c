"""Rows in the order of small numbers, such as items."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.compiled import INT32S, TO_INT64S, kernel

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
    pairs: Array = _with_rows(numbers)
    pairs.sort()
    return pairs


@kernel(TO_INT64S(INT32S))
def _with_rows(numbers: Array) -> Array:
    pairs = np.empty(len(numbers), np.int64)
    for row in range(len(numbers)):
        pairs[row] = (np.int64(numbers[row]) << 32) + row
    return pairs
