"""Counts and observations, added up in memory until they are written to the metrics' files together.

A write to a mapped file costs some forty times as much as an addition, and a request has about fifty of them. All of it
happens on one thread, the event loop's.
"""

from __future__ import annotations

from bisect import bisect_left
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
        if not self._amount:
            self._unwritten.append(self)
        self._amount += amount

    def write(self) -> None:
        self._child.inc(self._amount)
        self._amount = 0.0


class Spread:
    """A histogram's child, and how many values it is to observe in which bucket."""

    def __init__(self, child: Histogram, unwritten: list[_Unwritten]) -> None:
        self._child, self._unwritten = child, unwritten
        self._bounds = child._upper_bounds
        self._counts: dict[int, int] = {}
        self._total = 0.0

    def observe(self, value: float) -> None:
        """No NaN."""
        if not self._counts:
            self._unwritten.append(self)
        place = bisect_left(self._bounds, value)
        self._counts[place] = self._counts.get(place, 0) + 1
        self._total += value

    def write(self) -> None:
        """What the child's ``observe`` would write for each value; it has no public method for many."""
        for place, count in self._counts.items():
            self._child._buckets[place].inc(count)
        self._child._sum.inc(self._total)
        self._counts.clear()
        self._total = 0.0


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
