"""Machine code for the few loops that NumPy would pass over too many times.

Numba compiles it and keeps the code for the next process: in NUMBA_CACHE_DIR where that is set, else
beside the source or in the user's cache, where either can be written, else below the system's temporary folder. It is
kept by processor, so that no machine runs code that was made for another, and by the content of the function's own
file, but not of other files: a constant that a compiled function reads is to be defined beside it. Bundles never hold
compiled code: Numba keeps it as pickles, which do as they please when they are read.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils as untyped
from numba.extending import intrinsic

cgutils: Any = untyped

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


def several(*kinds: Any) -> Any:
    """The type of several values that a kernel returns at once. An array that it makes itself costs less than one that
    it is given to fill, and less again than a part of that."""
    together: Any = types.Tuple
    return together(kinds)


INT32S, INT64S, FLAGS = given(INT32), given(INT), given(FLAG)
SINGLES, REALS = given(SINGLE), given(REAL)
BYTE_ROWS = given(types.int8, 2)
INT32_ROWS, SINGLE_ROWS, REAL_ROWS = given(INT32, 2), given(SINGLE, 2), given(REAL, 2)
TO_INT32S, TO_INT64S, TO_FLAGS = filled(INT32), filled(INT), filled(FLAG)
TO_SINGLES, TO_REALS = filled(SINGLE), filled(REAL)
TO_SINGLE_ROWS, TO_REAL_ROWS = filled(SINGLE, 2), filled(REAL, 2)


def _fetching(typing: Any, array: Any, place: Any) -> Any:
    """Have the processor bring ``array[place]`` (of a contiguous array; for rows, where the first number of the row
    stands) into its nearest cache, and go on meanwhile. A loop that waits for memory at each turn asks ahead."""
    signature = types.void(array, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [address.type, *[ir.IntType(32)] * 3])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(prefetch, [address, *(ir.Constant(ir.IntType(32), each) for each in (0, 3, 1))])
        return context.get_dummy_value()

    return signature, generate


fetch: Any = intrinsic(_fetching)


def compiled(function: Callable[..., object]) -> Any:
    """At the first call, for the types that it has."""
    return _kept(function)


def kernel(*signatures: Any, sums_in_any_order: bool = False) -> Callable[[Callable[..., object]], Any]:
    """When the module is imported, for these signatures alone (``returned(argument, …)``, of the types above): no
    request ever waits for a compiler. Arguments of other types are a TypeError.

    With ``sums_in_any_order`` a loop that adds up floats may do several at a time, and a product be added without
    being rounded first: the last bits depend on the processor, but not on anything else.
    """
    return lambda function: _kept(function, list(signatures), sums_in_any_order=sums_in_any_order)


def _kept(function: Callable[..., object], *signatures: Any, sums_in_any_order: bool = False) -> Any:
    loose = _SUMS_IN_ANY_ORDER if sums_in_any_order else False
    try:
        return _jit(function, loose, *signatures)
    except RuntimeError:  # nowhere to keep the code
        config: Any = numba.config
        config.CACHE_DIR = str(_own_folder())
        return _jit(function, loose, *signatures)


def _jit(function: Callable[..., object], loose: Any, *signatures: Any) -> Any:
    jit: Any = numba.njit
    return jit(*signatures, cache=True, nogil=True, error_model="numpy", fastmath=loose)(function)


_SUMS_IN_ANY_ORDER = {"reassoc", "nsz", "contract"}


def _own_folder() -> Path:
    """A folder that nobody else can write to: who writes there decides what this process does."""
    folder = Path(tempfile.gettempdir()) / f"endcap-compiled-{os.getuid()}"
    folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    found = folder.lstat()
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if own else Path(tempfile.mkdtemp(prefix=f"{folder.name}-"))
