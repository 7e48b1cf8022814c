"""Machine code for the few loops that NumPy would pass over too many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., object]) -> Any:
    """By Numba at the first call; kept beside the source or in the user's cache, where either can be written."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # neither can: compiled anew by each process
        return numba.njit(nogil=True, error_model="numpy")(function)
