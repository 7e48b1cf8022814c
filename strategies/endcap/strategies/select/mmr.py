"""Maximal marginal relevance: each next item weighs its score against its likeness to those already chosen.

Carbonell and Goldstein, SIGIR 1998. Likeness is the cosine of two items' texts, or 1 within a category and 0 across
where the bundle has no texts; scores are scaled to 0..1 over the head of the ranking, so that ``diversity`` means the
same whatever the scorer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import SCORE, Candidates
from endcap.strategies.contract import Query
from endcap.strategies.select.top_k import Collapse, CollapseConfig, ordered
from endcap.strategies.text.space import text_space


class MmrConfig(CollapseConfig):
    diversity: float = Field(0.0, ge=0, le=1)
    """0: by score alone; 1: by variety alone. A request may set its own."""
    head: int = Field(100, ge=1)
    """Only this many of the best are weighed for variety, or the slate's size where that is more."""


class Mmr:
    Config = MmrConfig

    def __init__(self, config: MmrConfig, bundle: Bundle) -> None:
        self.config = config
        self.collapse = Collapse(config, bundle)
        self.category_of = bundle.catalog.groups["category"]
        self.space = text_space(bundle) if bundle.has("text") else None

    def select(self, query: Query, candidates: Candidates) -> Array:
        diversity = self.config.diversity if query.diversity is None else query.diversity
        plain = diversity == 0 or query.size <= 1
        rows = self.collapse(ordered(candidates), candidates, query, query.size if plain else len(candidates))
        if plain:
            return rows
        scores = candidates.column(SCORE)
        scored = np.count_nonzero(~np.isnan(scores[rows]))
        head, last = rows[: min(max(self.config.head, query.size), scored)], rows[scored:]
        chosen = head[_spread(_scaled(scores[head]), self._likeness(candidates.items[head]), diversity, query.size)]
        return np.concatenate([chosen, last])[: query.size]

    def _likeness(self, items: Array) -> Callable[[int], Array]:
        """From a place among the items to float32[n], how like it each of them is."""
        if self.space is None:
            categories = self.category_of[items]
            return lambda place: ((categories == categories[place]) & (categories >= 0)).astype(np.float32)
        vectors = self.space.vectors[self.space.text_of[items]]
        return lambda place: vectors @ vectors[place]


def _spread(relevance: Array, likeness_to: Callable[[int], Array], diversity: float, size: int) -> Array:
    """int64[k]: places chosen one by one, k = min(size, n)."""
    size = min(size, len(relevance))
    chosen = np.empty(size, np.int64)
    likeness = np.zeros(len(relevance), np.float32)
    value = (1.0 - diversity) * relevance
    for turn in range(size):
        best = int(np.argmax(value - diversity * likeness))
        chosen[turn], value[best] = best, -np.inf
        np.maximum(likeness, likeness_to(best), out=likeness)
    return chosen


def _scaled(scores: Array) -> Array:
    """float32[n] in 0..1."""
    if not len(scores):
        return scores
    low, high = float(scores.min()), float(scores.max())
    scaled: Array = ((scores - low) / ((high - low) or 1.0)).astype(np.float32)
    return scaled
