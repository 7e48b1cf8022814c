"""Machine code for the few loops that NumPy would pass over too many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba import types

NOTHING, FLAG, INT, INT32, REAL, SINGLE = (
    types.void,
    types.boolean,
    types.int64,
    types.int32,
    types.float64,
    types.float32,
)


def given(dtype: Any, dimensions: int = 1) -> Any:
    """The type of an array that a kernel only reads; of a writable one it takes, too. Always contiguous."""
    return types.Array(dtype, dimensions, "C", readonly=True)


def filled(dtype: Any, dimensions: int = 1) -> Any:
    """The type of an array that a kernel writes."""
    return types.Array(dtype, dimensions, "C")


INT32S, INT64S, FLAGS = given(INT32), given(INT), given(FLAG)
SINGLES, REALS = given(SINGLE), given(REAL)
INT32_ROWS, SINGLE_ROWS, REAL_ROWS = given(INT32, 2), given(SINGLE, 2), given(REAL, 2)
TO_INT32S, TO_SINGLES, TO_REALS = filled(INT32), filled(SINGLE), filled(REAL)
TO_SINGLE_ROWS, TO_REAL_ROWS = filled(SINGLE, 2), filled(REAL, 2)


def compiled(function: Callable[..., object]) -> Any:
    """By Numba at the first call; kept beside the source or in the user's cache, where either can be written."""
    return _compiler()(function)


def kernel(*signatures: Any) -> Callable[[Callable[..., object]], Any]:
    """By Numba when the module is imported, for these signatures alone (``returned(argument, …)``, of the types above):
    no request ever waits for a compiler. Kept as by ``compiled``. Arguments of other types are a TypeError."""
    return lambda function: _compiler(list(signatures))(function)


def _compiler(*signatures: Any) -> Callable[[Callable[..., object]], Any]:
    def compile_it(function: Callable[..., object]) -> Any:
        try:
            return numba.njit(*signatures, cache=True, nogil=True, error_model="numpy")(function)
        except RuntimeError:  # neither place can be written: compiled anew by each process
            return numba.njit(*signatures, nogil=True, error_model="numpy")(function)

    return compile_it
