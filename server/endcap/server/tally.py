"""Counts and observations, added up in memory until they are written to the metrics' files together.

A write to a mapped file costs some forty times as much as an addition, and a request has about fifty of them. All of it
happens on one thread, the event loop's.
"""

from __future__ import annotations

from collections.abc import Callable
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


class _Children(dict[tuple[str, ...], C]):
    """A metric's children by their labels' values; each is looked up once and kept."""

    def __init__(self, make: Callable[..., C], all_children: list[_Child]) -> None:
        super().__init__()
        self._make, self._all = make, all_children

    def __missing__(self, labels: tuple[str, ...]) -> C:
        child = self[labels] = self._make(*labels)
        self._all.append(child)
        return child

    def __call__(self, *labels: str) -> C:
        return self[labels]


class Tally:
    def __init__(self) -> None:
        self._children: list[_Child] = []

    def sums(self, counter: Counter) -> _Children[Sum]:
        return _Children(lambda *labels: Sum(counter.labels(*labels)), self._children)

    def spreads(self, histogram: Histogram) -> _Children[Spread]:
        return _Children(lambda *labels: Spread(histogram.labels(*labels)), self._children)

    def write(self) -> None:
        for each in self._children:
            each.write()
