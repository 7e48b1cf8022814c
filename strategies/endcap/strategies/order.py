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
    pairs = numbers.astype(np.int64) << 32 | np.arange(len(numbers))
    pairs.sort()
    rows: Array = pairs & _ROW
    return rows
