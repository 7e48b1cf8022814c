"""A value in a file, from which other processes read it without copying its arrays.

Sent to a process by a pipe, a large shop is in memory several times over: as it is, as bytes, and again on the other
side. Arrays that are mapped from a file are there once for all.
"""

from __future__ import annotations

import mmap
import pickle
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Generic, TypeVar

A = TypeVar("A")
ALIGNED = 64
"""Bytes; arrays start at multiples of this."""


class Kept(Generic[A]):
    """Where a value was written to; small enough to send to a worker process.

    The arrays of what ``open`` gives cannot be written to. It reads by pickle, so it must be a file of one's own.
    """

    def __init__(self, path: Path, ends: list[int]) -> None:
        self._path, self._ends = path, ends

    @staticmethod
    def write(value: A, folder: Path) -> Kept[A]:
        """To a file of its own in ``folder``."""
        arrays: list[pickle.PickleBuffer] = []
        head = pickle.dumps(value, pickle.HIGHEST_PROTOCOL, buffer_callback=arrays.append)
        ends: list[int] = []
        with NamedTemporaryFile(prefix="kept-", dir=folder, delete=False) as file:
            for part in (memoryview(head), *(array.raw() for array in arrays)):
                file.seek(_start(ends[-1] if ends else 0))
                file.write(part)
                ends.append(file.tell())
        return Kept(Path(file.name), ends)

    def open(self) -> A:
        with self._path.open("rb") as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        starts = [0, *map(_start, self._ends[:-1])]
        head, *arrays = (content[start:end] for start, end in zip(starts, self._ends, strict=True))
        value: A = pickle.loads(head, buffers=arrays)  # noqa: S301 - written by this very training
        return value


def _start(end: int) -> int:
    return -(-end // ALIGNED) * ALIGNED
