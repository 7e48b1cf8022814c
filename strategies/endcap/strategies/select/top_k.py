"""The highest scores, ties by item number; where asked, the best of each title only."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import SCORE, Candidates
from endcap.strategies.contract import Query, Settings


class TopKConfig(Settings):
    collapse_titles: bool = False
    """Show one item of each title, the best. A caller's own list is never collapsed."""


class TopK:
    Config = TopKConfig

    def __init__(self, config: TopKConfig, bundle: Bundle) -> None:
        self.collapse = config.collapse_titles
        self.title_of = bundle.catalog.groups["title"]

    def select(self, query: Query, candidates: Candidates) -> Array:
        return ordered(candidates, query, self.title_of if self.collapse else None)[: query.size]


def ordered(candidates: Candidates, query: Query, title_of: Array | None) -> Array:
    """int64[k]: row numbers by score, NaN last, ties by item number; with ``title_of`` the best row of each title."""
    scores = np.nan_to_num(candidates.column(SCORE), nan=-np.inf)
    rows = np.lexsort((candidates.items, -scores))
    if title_of is None or query.given is not None:
        return rows
    titles = title_of[candidates.items[rows]]
    titles = np.where(titles >= 0, titles, -1 - rows)  # an item without a title is its own
    _, first = np.unique(titles, return_index=True)
    best: Array = rows[np.sort(first)]
    return best
