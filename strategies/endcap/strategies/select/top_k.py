"""The highest scores, ties by item number; where asked, the best of each title only."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import SCORE, Candidates
from endcap.strategies.contract import Query, Settings


class CollapseConfig(Settings):
    """What selectors share: whether items of one title take one place."""

    collapse_titles: bool = False
    """Show one item of each title, the best. A caller's own list is never collapsed."""
    keep_own: bool = False
    """Let each item that the shopper bought before have its place all the same: who buys two flavours wants both."""


class TopKConfig(CollapseConfig):
    pass


class TopK:
    Config = TopKConfig

    def __init__(self, config: TopKConfig, bundle: Bundle) -> None:
        self.config = config
        self.title_of = bundle.catalog.groups["title"]

    def select(self, query: Query, candidates: Candidates) -> Array:
        rows = ordered(candidates)
        return collapsed(rows, candidates, query, self.config, self.title_of)[: query.size]


def ordered(candidates: Candidates) -> Array:
    """int64[n]: row numbers by score, NaN last, ties by item number."""
    scores = np.nan_to_num(candidates.column(SCORE), nan=-np.inf)
    return np.lexsort((candidates.items, -scores))


def collapsed(rows: Array, candidates: Candidates, query: Query, config: CollapseConfig, title_of: Array) -> Array:
    """int64[k]: of ``rows``, best first, the first of each title, where ``config`` asks for that."""
    if not config.collapse_titles or query.given is not None:
        return rows
    items = candidates.items[rows]
    alone = title_of[items] < 0  # an item without a title is its own
    if config.keep_own:
        alone |= np.isin(items, query.events.items[query.events.goals])
    titles = np.where(alone, -1 - rows, title_of[items])
    _, first = np.unique(titles, return_index=True)
    best: Array = rows[np.sort(first)]
    return best
