"""Names for arrays of one type, and taking them out of a bundle without a silent copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

UInt8Array: TypeAlias = npt.NDArray[np.uint8]
UInt64Array: TypeAlias = npt.NDArray[np.uint64]
Int8Array: TypeAlias = npt.NDArray[np.int8]
Int32Array: TypeAlias = npt.NDArray[np.int32]
Int64Array: TypeAlias = npt.NDArray[np.int64]
Float64Array: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

Scalar = TypeVar("Scalar", bound=np.generic)


def take_array(arrays: Mapping[str, npt.NDArray[Any]], name: str, dtype: type[Scalar]) -> npt.NDArray[Scalar]:
    """``arrays[name]`` as it lies in memory: a conversion would turn shared, memory-mapped pages into private ones.

    Raises ValueError where the array is missing, of another type, or not one-dimensional.
    """
    found = arrays.get(name)
    if found is None:
        raise ValueError(f"no array {name!r} among: {', '.join(sorted(arrays)) or 'none'}")
    return check_array(found, name, dtype)


def check_array(array: npt.NDArray[Any], name: str, dtype: type[Scalar]) -> npt.NDArray[Scalar]:
    """``array``, if it is one-dimensional and of ``dtype``. Raises ValueError otherwise."""
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"array {name!r} is {array.dtype} of {array.ndim} dimensions, expected {dtype.__name__} of 1")
    return np.asarray(array)  # a plain view of a memmap: slicing the subclass costs several times as much


def check_offsets(offsets: Int64Array, name: str, length: int) -> None:
    """Raises ValueError unless ``offsets`` cut ``length`` elements into consecutive pieces."""
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != length or (offsets[1:] < offsets[:-1]).any():
        raise ValueError(f"array {name!r} must rise from 0 to {length}, the length of what it cuts into pieces")
