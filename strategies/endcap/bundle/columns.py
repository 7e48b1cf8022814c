"""Attribute columns of the catalog: one row an item number, in arrays that worker processes share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from endcap.bundle.arrays import (
    Float64Array,
    Int8Array,
    Int32Array,
    Int64Array,
    check_array,
    check_offsets,
    take_array,
)
from endcap.bundle.strings import StringTable

MISSING = -1
"""The code of a string or bool that is not known. A missing number is NaN; a list is empty, never missing."""

Kind: TypeAlias = Literal["string", "number", "bool", "list"]


@dataclass(frozen=True, eq=False)
class StringColumn:
    """One text an item, each distinct text kept once."""

    kind: ClassVar[Kind] = "string"
    codes: Int32Array
    """int32[n], numbers of texts in the vocabulary; -1 where missing."""
    vocabulary: StringTable

    def __post_init__(self) -> None:
        _check_codes(self.codes, MISSING, self.vocabulary)

    @classmethod
    def of(cls, values: Iterable[str | None]) -> StringColumn:
        codes, vocabulary = _encode(values)
        return cls(codes, vocabulary)

    def __len__(self) -> int:
        return len(self.codes)

    def value(self, row: int) -> str | None:
        code = int(self.codes[row])
        return None if code == MISSING else self.vocabulary[code]

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        return {f"{prefix}.codes": self.codes} | self.vocabulary.arrays(f"{prefix}.vocabulary")


@dataclass(frozen=True, eq=False)
class NumberColumn:
    kind: ClassVar[Kind] = "number"
    values: Float64Array
    """float64[n], NaN where missing."""

    def __post_init__(self) -> None:
        check_array(self.values, "values", np.float64)

    @classmethod
    def of(cls, values: Iterable[float | None]) -> NumberColumn:
        return cls(np.array([np.nan if value is None else value for value in values], np.float64))

    def __len__(self) -> int:
        return len(self.values)

    def value(self, row: int) -> float | None:
        value = float(self.values[row])
        return None if np.isnan(value) else value

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        return {f"{prefix}.values": self.values}


@dataclass(frozen=True, eq=False)
class BoolColumn:
    kind: ClassVar[Kind] = "bool"
    values: Int8Array
    """int8[n]: 1 true, 0 false, -1 missing."""

    def __post_init__(self) -> None:
        check_array(self.values, "values", np.int8)
        _check_range(self.values, MISSING, 1)

    @classmethod
    def of(cls, values: Iterable[bool | None]) -> BoolColumn:
        return cls(np.array([MISSING if value is None else value for value in values], np.int8))

    def __len__(self) -> int:
        return len(self.values)

    def value(self, row: int) -> bool | None:
        value = int(self.values[row])
        return None if value == MISSING else bool(value)

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        return {f"{prefix}.values": self.values}


@dataclass(frozen=True, eq=False)
class ListColumn:
    """Some texts an item, in the order given: row ``i`` has ``codes[offsets[i]:offsets[i + 1]]``."""

    kind: ClassVar[Kind] = "list"
    offsets: Int64Array
    """int64[n + 1], rising from 0 to the number of codes."""
    codes: Int32Array
    """int32[m], numbers of texts in the vocabulary."""
    vocabulary: StringTable

    def __post_init__(self) -> None:
        check_array(self.offsets, "offsets", np.int64)
        _check_codes(self.codes, 0, self.vocabulary)
        check_offsets(self.offsets, "offsets", len(self.codes))

    @classmethod
    def of(cls, values: Iterable[Sequence[str] | None]) -> ListColumn:
        """None counts as an empty list."""
        lists = [value or () for value in values]
        codes, vocabulary = _encode(chain.from_iterable(lists))
        return cls(_offsets(np.array([len(texts) for texts in lists], np.int64)), codes, vocabulary)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def value(self, row: int) -> tuple[str, ...]:
        start, end = self.offsets[row], self.offsets[row + 1]
        return tuple(self.vocabulary[code] for code in self.codes[start:end].tolist())

    def pieces(self, rows: Int32Array) -> tuple[Int64Array, Int32Array]:
        """Offsets int64[m + 1] and codes of these rows alone, in their order."""
        starts = self.offsets.take(rows)
        lengths = self.offsets[1:].take(rows) - starts
        offsets = _offsets(lengths)
        places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        return offsets, self.codes.take(places)

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        own: dict[str, npt.NDArray[Any]] = {f"{prefix}.offsets": self.offsets, f"{prefix}.codes": self.codes}
        return own | self.vocabulary.arrays(f"{prefix}.vocabulary")


Column: TypeAlias = StringColumn | NumberColumn | BoolColumn | ListColumn


def column_from_arrays(kind: str, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> Column:
    """The column of ``kind`` that ``arrays(prefix)`` wrote.

    Raises ValueError for a kind that is not known, and where an array is missing or malformed.
    """
    match kind:
        case "string":
            codes = take_array(arrays, f"{prefix}.codes", np.int32)
            return StringColumn(codes, StringTable.from_arrays(arrays, f"{prefix}.vocabulary"))
        case "number":
            return NumberColumn(take_array(arrays, f"{prefix}.values", np.float64))
        case "bool":
            return BoolColumn(take_array(arrays, f"{prefix}.values", np.int8))
        case "list":
            offsets = take_array(arrays, f"{prefix}.offsets", np.int64)
            codes = take_array(arrays, f"{prefix}.codes", np.int32)
            return ListColumn(offsets, codes, StringTable.from_arrays(arrays, f"{prefix}.vocabulary"))
    raise ValueError(f"column {prefix!r} is of kind {kind!r}, expected string, number, bool or list")


def _encode(values: Iterable[str | None]) -> tuple[Int32Array, StringTable]:
    """Codes by first appearance, so that equal data give equal bytes, and the distinct texts in that order."""
    numbers: dict[str, int] = {}
    codes = [MISSING if value is None else numbers.setdefault(value, len(numbers)) for value in values]
    return np.array(codes, np.int32), StringTable.of(numbers)


def _offsets(lengths: Int64Array) -> Int64Array:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _check_codes(codes: Int32Array, lowest: int, vocabulary: StringTable) -> None:
    check_array(codes, "codes", np.int32)
    _check_range(codes, lowest, len(vocabulary) - 1)


def _check_range(values: npt.NDArray[np.signedinteger[Any]], lowest: int, highest: int) -> None:
    if len(values) and not lowest <= values.min() <= values.max() <= highest:
        raise ValueError(f"found values from {values.min()} to {values.max()}, expected {lowest} to {highest}")
