"""What was computed lately, by what it was computed from: functools.lru_cache for whoever computes several at once."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """The ``most`` values that were asked for last. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: K, value: V) -> V:
        """What is remembered from now on: of threads that come at once, what the first brings."""
        with self._lock:
            kept = self._values.setdefault(key, value)
            if len(self._values) > self._most:
                self._values.popitem(last=False)
            return kept
