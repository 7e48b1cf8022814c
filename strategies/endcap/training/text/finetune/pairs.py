"""What goes with what, from what customers did: the pairs that the encoder learns to bring together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.contract import SECONDS_PER_DAY
from endcap.training.shop import Shop

MOST_PAIRS = 1_000_000
"""Of each source, drawn by seed: more say nothing new about which texts go together."""
SHARES = {"together": 1.0, "next": 1.0, "search": 2.0, "judged": 2.0}
"""How often a batch draws from a source, relative to the others that the shop has. Searches say what words mean."""


class Source(NamedTuple):
    """Pairs of one kind, by number of text."""

    name: str
    anchors: Array
    """int32[k]."""
    positives: Array
    """int32[k]: texts of items, each another than its anchor."""


@dataclass(frozen=True)
class Pairs:
    texts: list[str]
    """The shop's own distinct texts in their order, then searches."""
    item_texts: int
    """How many of ``texts`` are items'."""
    sources: list[Source]
    visits: Array
    """int32[m]: the visit, and ``visited`` the text, of everything bought; who was never together is seen in these."""
    visited: Array

    def __len__(self) -> int:
        return sum(len(source.anchors) for source in self.sources)

    @cached_property
    def shares(self) -> Array:
        """float64[sources], of 1."""
        shares = np.array([SHARES[source.name] for source in self.sources])
        normed: Array = shares / shares.sum()
        return normed

    @cached_property
    def odds(self) -> Array:
        """float64[item_texts]: how likely a drawn pair's positive is this text."""
        counts = [np.bincount(source.positives, minlength=self.item_texts) for source in self.sources]
        odds: Array = sum(share * count / count.sum() for share, count in zip(self.shares, counts, strict=True))
        return odds

    def draw(self, count: int, random: np.random.Generator) -> tuple[Array, Array]:
        """(anchors, positives), int32[count] each."""
        kinds = random.choice(len(self.sources), count, p=self.shares)
        rows = random.random(count)
        drawn = np.empty((2, count), np.int32)
        for kind, source in enumerate(self.sources):
            here = kinds == kind
            chosen = (rows[here] * len(source.anchors)).astype(np.int64)
            drawn[:, here] = source.anchors[chosen], source.positives[chosen]
        return drawn[0], drawn[1]


class Rating(NamedTuple):
    """That an item answers a search."""

    query: str
    item: int


def pairs_of(shop: Shop, start: int, end: int, seed: int, judged: Iterable[Rating] = ()) -> Pairs:
    """What was bought from ``start`` up to ``end`` (seconds), and what searches in that time led to.

    ``judged`` have no time: leave them out where they must not be known.
    """
    random = np.random.default_rng(seed)
    rows = np.flatnonzero(shop.log.goals & (shop.log.times >= start) & (shop.log.times < end))
    visits = _visits(shop, rows)
    bought = shop.text_numbers[shop.log.items[rows]]
    numbers: dict[str, int] = {}
    found = [
        Source("together", *_together(visits, bought, random)),
        Source("next", *_next(shop.users[rows], visits, bought, random)),
        Source("search", *_searched(shop, start, end, numbers)),
        Source("judged", *_judged(shop, judged, numbers)),
    ]
    sources = [_drawn(source, random) for source in found if len(source.anchors)]
    return Pairs([*shop.texts, *numbers], len(shop.texts), sources, visits, bought.astype(np.int32))


def _visits(shop: Shop, rows: Array) -> Array:
    """int32[m], rising: the basket of each row, or where that is unknown all that a shopper bought in a day."""
    users, baskets = shop.users[rows], shop.log.baskets[rows]
    days = np.where(baskets < 0, shop.log.times[rows] // int(SECONDS_PER_DAY), -1)
    changes = [np.diff(values) != 0 for values in (users, baskets, days)]
    visits: Array = np.concatenate([[0], np.cumsum(np.logical_or.reduce(changes))]) if len(rows) else np.empty(0)
    return visits.astype(np.int32)


def _together(visits: Array, texts: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Each purchase with another of the same visit, drawn by lot, so that large visits don't outnumber the rest."""
    starts, sizes = _spans(visits)
    start, size = np.repeat(starts, sizes), np.repeat(sizes, sizes)
    place = np.arange(len(visits)) - start
    partner = start + (place + 1 + (random.random(len(visits)) * (size - 1)).astype(np.int64)) % size
    return _unlike(texts, texts[partner])


def _next(users: Array, visits: Array, texts: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Each purchase with one of the same shopper's next visit, drawn by lot."""
    if not len(visits):
        return _unlike(texts, texts)
    starts, sizes = _spans(visits)
    later = visits + 1
    has = later < len(starts)
    later = np.minimum(later, len(starts) - 1)
    partner = starts[later] + (random.random(len(visits)) * sizes[later]).astype(np.int64)
    has &= users[partner] == users
    return _unlike(texts[has], texts[partner[has]])


def _searched(shop: Shop, start: int, end: int, numbers: dict[str, int]) -> tuple[Array, Array]:
    """Every search with what was clicked or bought of its answers."""
    if shop.searches is None:
        return _none()
    queries, times = shop.searches.queries, shop.log.times
    rows = np.flatnonzero((queries >= 0) & (times >= start) & (times < end))
    used, places = np.unique(queries[rows], return_inverse=True)
    numbered = [_number(shop, shop.searches.texts[query], numbers) for query in used]
    anchors = np.array(numbered, np.int32)[places]
    return anchors, shop.text_numbers[shop.log.items[rows]].astype(np.int32)


def _judged(shop: Shop, judged: Iterable[Rating], numbers: dict[str, int]) -> tuple[Array, Array]:
    pairs = [(_number(shop, rating.query, numbers), shop.text_numbers[rating.item]) for rating in judged]
    found = np.array(pairs, np.int32).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _number(shop: Shop, query: str, numbers: dict[str, int]) -> int:
    return len(shop.texts) + numbers.setdefault(query, len(numbers))


def _spans(visits: Array) -> tuple[Array, Array]:
    """(first row, number of rows) of each visit; their numbers rise by one."""
    sizes = np.bincount(visits)
    return np.cumsum(sizes) - sizes, sizes


def _unlike(anchors: Array, positives: Array) -> tuple[Array, Array]:
    """Two of the same text, as with something bought again, say nothing about texts."""
    differ = anchors != positives
    return anchors[differ].astype(np.int32), positives[differ].astype(np.int32)


def _none() -> tuple[Array, Array]:
    return np.empty(0, np.int32), np.empty(0, np.int32)


def _drawn(source: Source, random: np.random.Generator) -> Source:
    if len(source.anchors) <= MOST_PAIRS:
        return source
    rows = np.sort(random.choice(len(source.anchors), MOST_PAIRS, replace=False))
    return Source(source.name, source.anchors[rows], source.positives[rows])
