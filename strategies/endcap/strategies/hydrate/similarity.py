"""How near each candidate is to the shopper by every recall method, whichever source proposed it."""

from __future__ import annotations

from collections.abc import Set
from copy import copy
from typing import Annotated

import numpy as np
from numba import types
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import anchors
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import (
    INT32S,
    SINGLE_ROWS,
    SINGLES,
    TO_SINGLE_ROWS,
    TO_SINGLES,
    fetch,
    given,
    kernel,
)
from endcap.strategies.contract import Feature, Proof, Query, ReasonCode, Settings
from endcap.strategies.order import falling
from endcap.strategies.recall.als import factors_of
from endcap.strategies.recall.covisit import Neighbours
from endcap.strategies.text.space import text_space


class AlsSimilarityConfig(Settings):
    """No parameters."""


class AlsSimilarity:
    Config = AlsSimilarityConfig
    provides = (
        Feature("als.similarity", ReasonCode.SHOPPERS_LIKE_YOU),
        Feature("als.place", ReasonCode.SHOPPERS_LIKE_YOU, Proof("als.similarity")),
    )

    def __init__(self, config: AlsSimilarityConfig, bundle: Bundle) -> None:
        self.factors = factors_of(bundle)

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        shopper = self.factors.fold_in(query)
        if not shopper.any():
            return np.full((len(candidates), 2), np.nan, np.float32)
        return with_places(_products(self.factors.items, candidates.items, shopper))


class CovisitSimilarityConfig(Settings):
    half_lives_days: tuple[Annotated[float, Field(gt=0)], ...] = Field((3.0, 30.0), min_length=1)
    most_anchors: int = Field(60, ge=1)


class CovisitSimilarity:
    Config = CovisitSimilarityConfig

    def __init__(self, config: CovisitSimilarityConfig, bundle: Bundle) -> None:
        self.config = config
        self.neighbours = Neighbours(bundle)
        self.provides = tuple(
            Feature(f"covisit.similarity_{days:g}d", ReasonCode.OFTEN_BOUGHT_WITH) for days in config.half_lives_days
        )

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        found = np.empty((len(candidates), len(self.provides)), np.float32)
        for column, days in enumerate(self.config.half_lives_days):
            self.neighbours.fill(anchors(query, days, self.config.most_anchors), candidates.items, column, found)
        return found

    def evidence(self, query: Query, items: Array) -> Array:
        """int32[n]: the item of the shopper's, or the seed, that each of these goes with; -1 where none does."""
        start = anchors(query, self.config.half_lives_days[-1], self.config.most_anchors)
        return self.neighbours.strongest_anchor(start, items)


class TextSimilarityConfig(Settings):
    half_life_days: float = Field(14.0, gt=0)
    most_anchors: int = Field(30, ge=1)


class TextSimilarity:
    Config = TextSimilarityConfig
    provides: tuple[Feature, ...] = (
        Feature("text.query_cosine", ReasonCode.MATCHES_QUERY),
        Feature("text.profile_cosine", ReasonCode.SIMILAR_CONTENT),
    )

    def __init__(self, config: TextSimilarityConfig, bundle: Bundle) -> None:
        self.config = config
        self.space = text_space(bundle)

    def narrowed(self, wanted: Set[str]) -> TextSimilarity:
        if self.provides[-1].name in wanted:
            return self
        narrow = copy(self)
        narrow.provides = self.provides[:1]
        return narrow

    def words_to_encode(self, query: Query) -> str:
        return self.space.meant(query)

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        asked, profile = self.space.query_vector(query), self._profile(query)
        if asked is not None and profile is not None:
            return self.space.cosines_of_both(asked, profile, candidates.items)
        out = np.full((len(candidates), len(self.provides)), np.nan, np.float32)
        for place, vector in enumerate((asked, profile)):
            if vector is not None:
                out[:, place] = self.space.cosines(vector, candidates.items)
        return out

    def _profile(self, query: Query) -> Array | None:
        if len(self.provides) == 1:
            return None
        return self.space.profile(query, self.config.half_life_days, self.config.most_anchors)


def with_places(scores: Array) -> Array:
    """float32[n, 2]: scores (float32[n]), and where each stands: 0 for the highest, towards 1 for the lowest."""
    keys = falling(scores, np.arange(len(scores), dtype=np.int32))
    keys.sort()
    placed: Array = _placed(scores, keys)
    return placed


AHEAD = 8
"""So many candidates before it is needed an item's factor is asked for."""


@kernel(TO_SINGLES(SINGLE_ROWS, INT32S, SINGLES), sums_in_any_order=True)
def _products(factors: Array, items: Array, shopper: Array) -> Array:
    width = len(shopper)
    products = np.empty(len(items), np.float32)
    for row in range(len(items)):
        if row + AHEAD < len(items):
            for column in range(0, width, 16):
                fetch(factors, items[row + AHEAD] * width + column)
        factor, product = factors[items[row]], np.float32(0.0)
        for column in range(width):
            product += factor[column] * shopper[column]
        products[row] = product
    return products


@kernel(TO_SINGLE_ROWS(SINGLES, given(types.uint64)))
def _placed(scores: Array, keys: Array) -> Array:
    placed = np.empty((len(scores), 2), np.float32)
    for place in range(len(keys)):
        row = keys[place] & np.uint64(0xFFFFFFFF)
        placed[row, 0], placed[row, 1] = scores[row], np.float32(place) / np.float32(len(keys))
    return placed
