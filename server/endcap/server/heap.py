"""What a worker tells the C library about memory, where that is glibc.

By itself glibc gives each new thread an arena of its own, up to 64 MiB, and keeps there what was used once. A worker
computes on one thread or few, which share Python's lock, and loses nothing by sharing an arena.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

_M_ARENA_MAX: Final = -8
"""Of malloc.h, for mallopt(3)."""


def share_one_arena() -> None:
    """For threads to come, so before any."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """To the system, what was used for a while and is free now: see malloc_trim(3)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
