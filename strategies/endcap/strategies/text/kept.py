"""Query vectors that outlive a process: a file of fixed slots, which the workers of a machine share.

A slot holds a text's digest, a checksum and the vector. Nobody locks: a slot that two write at once, or that a crash or
a failing disk left half written, does not match its checksum and counts as empty. Read and written by system calls and
not through a mapping, which would end the process where the disk is full.
"""

from __future__ import annotations

import os
import random
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]

SLOTS: Final = 16_384
"""26 MB of vectors of 384 dimensions; disk is taken only as slots are filled."""
WAYS: Final = 4
"""Slots in which one text may be found; they lie side by side and are read at once."""
FILES: Final = 4
"""So many files stay in the folder, the latest written: each encoder has one of its own."""
SUFFIX: Final = ".vectors"
DIGEST_BYTES: Final = 16
CHECK_BYTES: Final = 4


class KeptVectors:
    """The vectors of one encoder, float32[d] each. Safe to share between threads and processes."""

    def __init__(self, file: Path, dimension: int, slots: int = SLOTS) -> None:
        """Makes the file where it is not there. Raises OSError where it can't be made, read and written."""
        self._buckets = slots // WAYS
        self._dimension = dimension
        self._slot_bytes = DIGEST_BYTES + CHECK_BYTES + 4 * dimension
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @classmethod
    def open(cls, folder: Path, encoder: str, dimension: int, slots: int = SLOTS) -> KeptVectors:
        """``encoder`` names all that a vector depends on. Raises OSError, see ``__init__``."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = cls(folder / f"{encoder}-{dimension}-{slots}{SUFFIX}", dimension, slots)
        _clear(folder)
        return kept

    def get(self, text: str) -> Vector | None:
        """Read-only, or None where it isn't there."""
        digest = _digest(text)
        bucket = os.pread(self._file, WAYS * self._slot_bytes, self._place(digest))
        for start in range(0, len(bucket), self._slot_bytes):
            if bucket.startswith(digest, start):
                return self._vector(bucket[start : start + self._slot_bytes])
        return None

    def put(self, text: str, vector: Vector) -> None:
        """Where the disk is full the vector is not kept."""
        digest = _digest(text)
        start = self._place(digest)
        bucket = os.pread(self._file, WAYS * self._slot_bytes, start)
        way = self._way(digest, bucket)
        packed = vector.astype("<f4", copy=False).tobytes()
        slot = digest + zlib.crc32(packed, zlib.crc32(digest)).to_bytes(CHECK_BYTES, "little") + packed
        try:
            os.pwrite(self._file, slot, start + way * self._slot_bytes)
        except OSError:
            return

    def close(self) -> None:
        os.close(self._file)

    def _way(self, digest: bytes, bucket: bytes) -> int:
        """Its own slot of the bucket, else a free one, else any."""
        held = [bucket[start : start + DIGEST_BYTES] for start in range(0, len(bucket), self._slot_bytes)]
        held += [b""] * (WAYS - len(held))  # the file ends here so far
        for wanted in (digest, bytes(DIGEST_BYTES), b""):
            if wanted in held:
                return held.index(wanted)
        return random.randrange(WAYS)

    def _place(self, digest: bytes) -> int:
        return int.from_bytes(digest[:8], "little") % self._buckets * WAYS * self._slot_bytes

    def _vector(self, slot: bytes) -> Vector | None:
        start = DIGEST_BYTES + CHECK_BYTES
        check = zlib.crc32(slot[start:], zlib.crc32(slot[:DIGEST_BYTES]))
        if len(slot) < self._slot_bytes or slot[DIGEST_BYTES:start] != check.to_bytes(CHECK_BYTES, "little"):
            return None
        return np.frombuffer(slot, "<f4", self._dimension, start)


def _digest(text: str) -> bytes:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).digest()


def _clear(folder: Path) -> None:
    """Remove the files of encoders that were written to longest ago; who still has one open may go on with it."""
    files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[FILES:]:
        path.unlink(missing_ok=True)
