"""Lessons from clicks: what shoppers went for after they searched, among what the search proposed them at the time.

The shop is as it was at the beginning of the window that the searches lie in, so that no column has seen an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.contract import Query
from endcap.strategies.strategy import Strategy
from endcap.training.gathering import gather_all
from endcap.training.ranker.windows import Window
from endcap.training.search.lessons import Lessons, joined
from endcap.training.shop import Shop

MOST_SEARCHES = 4_000
"""A window teaches by at most so many searches, drawn by seed."""
MOST_OTHERS = 60
"""Of what a search proposed and nobody went for, so many are kept, drawn by seed."""
GOAL_GAIN, OTHER_GAIN = 3.0, 1.0
"""What an item is worth that the shopper went for (bought), and one that they only looked at."""


class Search(NamedTuple):
    user: int
    text: str
    items: Array
    """int32[k], ascending: what the shopper turned to."""
    gains: Array


def searches_in(shop: Shop, window: Window) -> list[Search]:
    """Each shopper's distinct searches in the window, and what came of them."""
    if shop.searches is None:
        return []
    times, queries = shop.log.times, shop.searches.queries
    rows = np.flatnonzero((times >= window.cutoff) & (times < window.end) & (queries >= 0))
    order = rows[np.lexsort((shop.log.items[rows], queries[rows], shop.users[rows]))]
    keys = np.column_stack([shop.users[order], queries[order]])
    changes = np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1
    return [_search(shop, shop.searches.texts, part) for part in np.split(order, changes) if len(part)]


def _search(shop: Shop, texts: Sequence[str], rows: Array) -> Search:
    items, places = np.unique(shop.log.items[rows], return_inverse=True)
    gains = np.zeros(len(items))
    np.maximum.at(gains, places, np.where(shop.log.goals[rows], GOAL_GAIN, OTHER_GAIN))
    assert shop.searches is not None
    return Search(int(shop.users[rows[0]]), texts[shop.searches.queries[rows[0]]], items, gains)


def from_clicks(
    bundle: Bundle, strategy: Strategy, searches: Sequence[Search], columns: Sequence[str], seed: int
) -> Lessons:
    """Every search of which something that was proposed was gone for, and something was not."""
    random = np.random.default_rng(seed)
    if len(searches) > MOST_SEARCHES:
        drawn = np.sort(random.choice(len(searches), MOST_SEARCHES, replace=False))
        searches = [searches[place] for place in drawn]
    groups = list(_groups(bundle, strategy, searches, columns, random))
    return joined(columns, *([group[place] for group in groups] for place in range(3)))


def _groups(
    bundle: Bundle, strategy: Strategy, searches: Sequence[Search], columns: Sequence[str], random: np.random.Generator
) -> Iterator[tuple[Array, Array, Array]]:
    """Columns, gains and items of each."""
    for search in searches:
        history = bundle.histories.of(search.user)
        query = Query(now=bundle.manifest.data_end, user=search.user, history=history, text=search.text)
        candidates = gather_all(strategy, query)
        places = np.minimum(np.searchsorted(search.items, candidates.items), len(search.items) - 1)
        gains = np.where(search.items[places] == candidates.items, search.gains[places], 0.0)
        if not gains.any() or gains.all():
            continue
        others = np.flatnonzero(gains == 0)
        if len(others) > MOST_OTHERS:
            others = random.choice(others, MOST_OTHERS, replace=False)
        keep = np.sort(np.concatenate([np.flatnonzero(gains), others]))
        yield candidates.take(keep).matrix(columns), gains[keep], candidates.items[keep]
