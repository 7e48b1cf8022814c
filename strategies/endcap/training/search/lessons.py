"""What the search ranker learns from: items with columns and gains, group by group, as the pipeline gathers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.contract import Query
from endcap.strategies.strategy import Strategy
from endcap.training.evaluate.metrics import graded
from endcap.training.gathering import gather_all
from endcap.training.search.judgments import Judged


class Lessons(NamedTuple):
    """Groups of items, one a search, one after the other."""

    columns: tuple[str, ...]
    features: Array  # float32[n, columns]
    gains: Array  # float64[n], 0 for what does not answer
    groups: Array  # int64[n], ascending from 0
    items: Array  # int32[n]

    @property
    def size(self) -> int:
        return int(self.groups[-1]) + 1 if len(self.groups) else 0

    def rows(self, groups: Array) -> Lessons:
        """Those of some groups (int[k], each once), numbered anew in their own order."""
        places = np.full(self.size, -1)
        kept = np.sort(groups)
        places[kept] = np.arange(len(kept))
        rows = np.flatnonzero(places[self.groups] >= 0)
        return Lessons(self.columns, self.features[rows], self.gains[rows], places[self.groups[rows]], self.items[rows])

    @property
    def telling(self) -> Array:
        """int64[k]: the groups in which there is something to tell apart."""
        return np.array([g for g in range(self.size) if np.ptp(self.gains[self.groups == g]) > 0], np.int64)


def from_judgments(bundle: Bundle, strategy: Strategy, pools: Sequence[Judged], columns: Sequence[str]) -> Lessons:
    """Every pool as a list that the caller brings. Raises StrategyError where a component failed."""
    blocks = []
    for pool in pools:
        query = Query(now=bundle.manifest.data_end, text=pool.query, given=pool.items)
        blocks.append(gather_all(strategy, query).matrix(columns))
    return joined(columns, blocks, [graded(pool.ratings) for pool in pools], [pool.items for pool in pools])


def joined(columns: Sequence[str], blocks: Sequence[Array], gains: Sequence[Array], items: Sequence[Array]) -> Lessons:
    sizes = [len(block) for block in blocks]
    return Lessons(
        tuple(columns),
        np.concatenate([np.empty((0, len(columns)), np.float32), *blocks]),
        np.concatenate([np.empty(0), *gains]),
        np.repeat(np.arange(len(sizes)), sizes),
        np.concatenate([np.empty(0, np.int32), *items]),
    )


def stacked(parts: Sequence[Lessons]) -> Lessons:
    """Lessons of the same columns as one; there must be at least one part."""
    starts = np.cumsum([0, *(part.size for part in parts[:-1])])
    groups = [part.groups + start for part, start in zip(parts, starts, strict=True)]
    features, gains, items = (np.concatenate([part[place] for part in parts]) for place in (1, 2, 4))
    return Lessons(parts[0].columns, features, gains, np.concatenate(groups), items)
