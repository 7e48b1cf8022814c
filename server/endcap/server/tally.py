"""Counts and observations, added up in memory until they are written to the metrics' files together.

A write to a mapped file costs some forty times as much as an addition, and a request has about fifty of them. All of it
happens on one thread, the event loop's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from prometheus_client import Counter, Histogram


class _Unwritten(Protocol):
    def write(self) -> None: ...


class Sum:
    """A counter's child, and what is to be added to it."""

    def __init__(self, child: Counter, unwritten: list[_Unwritten]) -> None:
        self._child, self._unwritten = child, unwritten
        self._amount = 0.0

    def inc(self, amount: float = 1.0) -> None:
        if amount and not self._amount:
            self._unwritten.append(self)
        self._amount += amount

    def write(self) -> None:
        self._child.inc(self._amount)
        self._amount = 0.0


class Spread:
    """A histogram's child, and the values that it is to observe."""

    def __init__(self, child: Histogram, unwritten: list[_Unwritten]) -> None:
        self._child, self._unwritten = child, unwritten
        self._values: list[float] = []

    def observe(self, value: float) -> None:
        """No NaN."""
        if not self._values:
            self._unwritten.append(self)
        self._values.append(value)

    def write(self) -> None:
        """What the child's ``observe`` would write for each value; it has no public method for many."""
        bounds = self._child._upper_bounds
        for place, count in Counted(bisect_left(bounds, value) for value in self._values).items():
            self._child._buckets[place].inc(count)
        self._child._sum.inc(sum(self._values))
        self._values.clear()


class Tally:
    def __init__(self) -> None:
        self._unwritten: list[_Unwritten] = []

    def sums(self, counter: Counter) -> Callable[..., Sum]:
        """From label values to the child's Sum; each is looked up once and kept."""
        return lru_cache(None)(lambda *labels: Sum(counter.labels(*labels), self._unwritten))

    def spreads(self, histogram: Histogram) -> Callable[..., Spread]:
        return lru_cache(None)(lambda *labels: Spread(histogram.labels(*labels), self._unwritten))

    def write(self) -> None:
        for each in self._unwritten:
            each.write()
        self._unwritten.clear()
