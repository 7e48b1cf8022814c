"""The requests that the BERT ranker learns from: who asked for what, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.contract import NO_ITEMS, Query
from endcap.strategies.text.pairs import Kind
from endcap.strategies.text.space import text_space
from endcap.training.ranker.rows import as_explorer, query_of
from endcap.training.ranker.windows import Labels, Window
from endcap.training.search.judgments import Judgments
from endcap.training.shop import Shop

EXPLORERS = 0.5
"""Of so many shoppers also the request for something new is learned from."""
NEAR = 60
"""So many of the texts nearest to a search are candidates, beside what was chosen of it."""


@dataclass(frozen=True)
class Asked:
    """One request, and its outcome. Small enough to send to a worker by the hundred."""

    items: Array
    """int32[k]: what came of it, or what was judged."""
    grades: Array
    """float32[k], 0 to 1: 1 for what was chosen, a share of the highest rating for what was judged."""
    user: int = -1
    new: bool = False
    """The shopper wants only what they never went for."""
    text: str = ""
    judged: bool = False
    """The candidates are ``items`` and no others: of others nobody said what they are worth."""

    @property
    def kind(self) -> Kind:
        return "query" if self.text else "shopper"

    def query(self, bundle: Bundle) -> Query:
        """As the codec would make it, at the bundle's cut-off: what came later is not in it."""
        if self.user >= 0:
            query = query_of(bundle, self.user)
            return as_explorer(query, len(bundle.catalog)) if self.new else query
        query = Query(now=bundle.manifest.data_end, text=self.text, request_id=self.text)
        return replace(query, given=self.items if self.judged else self._near(bundle, query))

    def graded(self, items: Array) -> Array:
        """float32[n]: the grades of these items, 0 for those of which nothing came."""
        known = dict(zip(self.items.tolist(), self.grades.tolist(), strict=True))
        return np.array([known.get(int(item), 0.0) for item in items], np.float32)

    def _near(self, bundle: Bundle, query: Query) -> Array:
        space = text_space(bundle)
        vector = space.query_vector(query)
        near = NO_ITEMS if vector is None else space.nearest(vector, NEAR, None, 1).items
        together: Array = np.union1d(near, self.items).astype(np.int32)
        return together


def shoppers(labels: Labels, count: int, random: np.random.Generator) -> list[Asked]:
    """Requests of ``count`` of the window's shoppers (or of all), drawn by lot."""
    places = random.permutation(len(labels.users))[:count]
    return [each for place in places for each in _of_shopper(labels, int(place), random)]


def _of_shopper(labels: Labels, place: int, random: np.random.Generator) -> Iterator[Asked]:
    items = labels.of(place)
    whole = Asked(items, np.ones(len(items), np.float32), int(labels.users[place]))
    yield whole
    if random.random() < EXPLORERS:
        yield replace(whole, new=True)


def searches(shop: Shop, window: Window, count: int, random: np.random.Generator) -> list[Asked]:
    """At most ``count`` distinct searches of the window that led to a goal event, by lot; [] where none are known."""
    if shop.searches is None:
        return []
    inside = (shop.log.times >= window.cutoff) & (shop.log.times < window.end)
    rows = np.flatnonzero(inside & shop.log.goals & (shop.searches.queries >= 0))
    queries = shop.searches.queries[rows]
    drawn = random.permutation(np.unique(queries))[:count]
    return [_search(shop.searches.texts[number], shop.log.items[rows[queries == number]]) for number in drawn]


def judged(judgments: Judgments) -> list[Asked]:
    """Every search that people judged items for, and what they said, as shares of the highest rating."""
    highest = max(judgments.highest, 1e-9)
    return [
        Asked(pool.items, (pool.ratings / highest).astype(np.float32), text=pool.query, judged=True)
        for pool in judgments.pools
    ]


def _search(text: str, items: Array) -> Asked:
    chosen = np.unique(items).astype(np.int32)
    return Asked(chosen, np.ones(len(chosen), np.float32), text=text)
