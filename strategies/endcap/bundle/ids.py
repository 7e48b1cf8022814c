"""String ids and their dense numbers, in arrays that worker processes share: no Python dict of a million ids each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from endcap.bundle.arrays import BoolArray, Int32Array, Int64Array, UInt64Array, check_array, take_array
from endcap.bundle.strings import StringTable

UNKNOWN = -1
FEW = 6
"""So many ids are looked up one by one in less time than all at once."""


@dataclass(frozen=True, eq=False)
class IdIndex:
    """``ids[number]`` is an id; its number is found by binary search for its hash, then by comparing the bytes."""

    ids: StringTable
    hashes: UInt64Array
    """uint64[n], sorted."""
    order: Int32Array
    """int32[n]: the number of the id with ``hashes[i]``."""

    def __post_init__(self) -> None:
        check_array(self.hashes, "hashes", np.uint64)
        check_array(self.order, "order", np.int32)
        if not len(self.ids) == len(self.hashes) == len(self.order):
            raise ValueError(f"{len(self.ids)} ids, {len(self.hashes)} hashes and {len(self.order)} numbers of them")

    @classmethod
    def of(cls, ids: Iterable[str]) -> IdIndex:
        """Numbers the ids in their order. Raises ValueError for an id that comes twice."""
        names = list(ids)
        hashes = hash_ids([name.encode() for name in names])
        order = np.argsort(hashes, kind="stable").astype(np.int32)
        index = cls(StringTable.of(names), hashes[order], order)
        index._refuse_duplicates(names)
        return index

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> IdIndex:
        """The index that `arrays` wrote. Raises ValueError where an array is missing or malformed."""
        ids = StringTable.from_arrays(arrays, f"{prefix}.ids")
        hashes = take_array(arrays, f"{prefix}.hashes", np.uint64)
        return cls(ids, hashes, take_array(arrays, f"{prefix}.order", np.int32))

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        own: dict[str, npt.NDArray[Any]] = {f"{prefix}.hashes": self.hashes, f"{prefix}.order": self.order}
        return self.ids.arrays(f"{prefix}.ids") | own

    def __len__(self) -> int:
        return len(self.ids)

    def id(self, number: int) -> str:
        """Raises IndexError for a number that no id has."""
        return self.ids[number]

    def number(self, name: str) -> int:
        """The id's number, -1 where it is unknown: as ``numbers`` of this one."""
        encoded = name.encode(errors="surrogatepass")
        hashes, order = self._views
        wanted = int.from_bytes(digest(encoded), "little")
        slot = bisect_left(hashes, wanted)
        while slot < len(hashes) and hashes[slot] == wanted:  # once, but for ids whose hashes collide
            if self.ids.encoded(order[slot]) == encoded:
                return order[slot]
            slot += 1
        return UNKNOWN

    @cached_property
    def _views(self) -> tuple[memoryview[int], memoryview[int]]:
        """``hashes`` and ``order``, where one number is looked up in less time than in an array, and without letting
        go of Python's lock as NumPy's search does, whereupon another thread takes it over."""
        return self.hashes.data, self.order.data

    def __getstate__(self) -> dict[str, Any]:
        """For other processes, without the views."""
        return {name: value for name, value in vars(self).items() if name != "_views"}

    def numbers(self, ids: Sequence[str]) -> Int32Array:
        """int32[m]: each id's number, -1 where it is unknown."""
        if len(ids) <= FEW:
            return np.array([self.number(name) for name in ids], np.int32)
        wanted = [name.encode(errors="surrogatepass") for name in ids]
        hashes = hash_ids(wanted)
        slots = np.searchsorted(self.hashes, hashes)
        found = np.full(len(wanted), UNKNOWN, np.int32)
        pending = self._with_hash(np.arange(len(wanted)), slots, hashes)
        while len(pending):  # once, but for ids whose hashes collide
            numbers = self.order[slots[pending]]
            pairs = zip(numbers.tolist(), pending.tolist(), strict=True)
            same = np.array([self.ids.encoded(number) == wanted[row] for number, row in pairs])
            found[pending[same]] = numbers[same]
            slots[pending] += 1
            pending = self._with_hash(pending[~same], slots, hashes)
        return found

    def _with_hash(self, rows: Int64Array, slots: Int64Array, hashes: UInt64Array) -> Int64Array:
        """Those ``rows`` whose slot of the index holds their hash."""
        inside = rows[slots[rows] < len(self)]
        held: BoolArray = self.hashes[slots[inside]] == hashes[inside]
        return inside[held]

    def _refuse_duplicates(self, names: list[str]) -> None:
        """An id that came before is found at its first number, not at its own."""
        again = np.flatnonzero(self.numbers(names) != np.arange(len(names)))
        if len(again):
            raise ValueError(f"{len(again)} ids come twice, the first of them {names[again[0]]!r}; ids must be unique")


def hash_ids(encoded: Sequence[bytes]) -> UInt64Array:
    """uint64[m]: BLAKE2b (RFC 7693) cut to 8 bytes, the same on every machine and in every process."""
    return np.frombuffer(b"".join([digest(name) for name in encoded]), "<u8").astype(np.uint64, copy=False)


def digest(encoded: bytes) -> bytes:
    return blake2b(encoded, digest_size=8).digest()
