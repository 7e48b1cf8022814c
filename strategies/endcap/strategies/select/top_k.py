"""The highest scores, ties by item number; where asked, the best of each title only."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import SCORE, Candidates
from endcap.strategies.compiled import INT, INT32S, INT64S, TO_INT32S, filled, kernel
from endcap.strategies.contract import NO_ITEMS, Query, Settings
from endcap.strategies.order import falling
from endcap.strategies.tally import Tally, item_tally


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
        self.collapse = Collapse(config, bundle)

    def select(self, query: Query, candidates: Candidates) -> Array:
        return self.collapse(ordered(candidates), candidates, query, query.size)


def ordered(candidates: Candidates) -> Array:
    """int64[n]: row numbers by score, NaN last, ties by item number."""
    scores = np.fmax(candidates.column(SCORE), np.float32(-np.inf))  # NaN is no better than the worst
    order: Array = falling(scores, candidates.items).argsort()
    return order


class Collapse:
    """Leaves the first of each title, where its configuration asks for that."""

    def __init__(self, config: CollapseConfig, bundle: Bundle) -> None:
        self.config = config
        self.title_of = bundle.catalog.groups["title"]
        self.items = item_tally(bundle)
        self.titles = Tally(int(self.title_of.max(initial=-1)) + 1)

    def __call__(self, rows: Array, candidates: Candidates, query: Query, limit: int) -> Array:
        """int64[k], k <= limit: of ``rows`` (int64[n]), best first. An item without a title is its own."""
        if not self.config.collapse_titles or query.given is not None:
            return rows[:limit]
        own = query.events.items[query.events.goals] if self.config.keep_own else NO_ITEMS
        kept = np.empty(min(limit, len(rows)), np.int64)
        count = _collapse(
            *self.items.use(1), *self.titles.use(1), own, rows, candidates.items, self.title_of, kept
        )  # fmt: skip
        return kept[:count]


@kernel(INT(TO_INT32S, INT, TO_INT32S, INT, INT32S, INT64S, INT32S, INT32S, filled(INT)))
def _collapse(
    items: Array,
    owned: int,
    titles: Array,
    taken: int,
    own: Array,
    rows: Array,
    numbers: Array,
    title_of: Array,
    kept: Array,
) -> int:
    for item in own:
        items[item] = owned
    count = 0
    for row in rows:
        if count == len(kept):
            break
        item = numbers[row]
        title = title_of[item]
        if title >= 0 and items[item] < owned:
            if titles[title] >= taken:
                continue
            titles[title] = taken
        kept[count] = row
        count += 1
    return count
