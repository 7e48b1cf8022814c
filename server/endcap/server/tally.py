"""Counts and observations, added up in memory until they are written to the metrics' files together.

A write to a mapped file costs some forty times as much as an addition, and a request has about fifty of them. All of it
happens on one thread, the event loop's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, TypeVar

import numpy as np
from prometheus_client import Counter, Histogram


class _Child(Protocol):
    def write(self) -> None: ...


C = TypeVar("C", bound=_Child)


class Sum:
    """A counter's child, and what is to be added to it."""

    def __init__(self, child: Counter) -> None:
        self._child = child
        self._amount = 0.0

    def inc(self, amount: float = 1.0) -> None:
        self._amount += amount

    def write(self) -> None:
        if self._amount:
            self._child.inc(self._amount)
            self._amount = 0.0


class Spread:
    """A histogram's child, and the values that it is to observe."""

    def __init__(self, child: Histogram) -> None:
        self._child = child
        self._values: list[float] = []
        self.observe = self._values.append
        """Takes a value; no NaN."""

    def write(self) -> None:
        """What the child's ``observe`` would write for each value; it has no public method for many."""
        if not self._values:
            return
        places = np.searchsorted(self._child._upper_bounds, self._values)
        for place, count in enumerate(np.bincount(places).tolist()):
            if count:
                self._child._buckets[place].inc(count)
        self._child._sum.inc(sum(self._values))
        self._values.clear()


class Tally:
    def __init__(self) -> None:
        self._children: list[_Child] = []

    def sums(self, counter: Counter) -> Callable[..., Sum]:
        """From label values to the child's Sum; each is looked up once and kept."""
        return lru_cache(None)(lambda *labels: self._noted(Sum(counter.labels(*labels))))

    def spreads(self, histogram: Histogram) -> Callable[..., Spread]:
        return lru_cache(None)(lambda *labels: self.spread(histogram.labels(*labels)))

    def spread(self, histogram: Histogram) -> Spread:
        """Of a histogram without labels."""
        return self._noted(Spread(histogram))

    def _noted(self, child: C) -> C:
        self._children.append(child)
        return child

    def write(self) -> None:
        for each in self._children:
            each.write()
