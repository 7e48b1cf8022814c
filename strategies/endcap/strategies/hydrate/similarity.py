"""How near each candidate is to the shopper by every recall method, whichever source proposed it."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import anchors
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Proof, Query, ReasonCode, Settings
from endcap.strategies.recall.als import Factors
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
        self.factors = Factors(bundle)

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        shopper = self.factors.fold_in(query)
        if not shopper.any():
            return np.full((len(candidates), 2), np.nan, np.float32)
        similarity = self.factors.items.take(candidates.items, axis=0) @ shopper
        return np.column_stack([similarity, place_among(similarity)])


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
        for place, days in enumerate(self.config.half_lives_days):
            found[:, place] = self._similarity(query, candidates.items, days)
        return found

    def _similarity(self, query: Query, items: Array, half_life_days: float) -> Array:
        start = anchors(query, half_life_days, self.config.most_anchors)
        if not len(start.items):
            return np.full(len(items), np.nan, np.float32)
        return self.neighbours.similarities_to(start, items) / float(start.weights.sum())

    def evidence(self, query: Query, items: Array) -> Array:
        """int32[n]: the item of the shopper's, or the seed, that each of these goes with; -1 where none does."""
        start = anchors(query, self.config.half_lives_days[-1], self.config.most_anchors)
        return self.neighbours.strongest_anchor(start, items)


class TextSimilarityConfig(Settings):
    half_life_days: float = Field(14.0, gt=0)
    most_anchors: int = Field(30, ge=1)


class TextSimilarity:
    Config = TextSimilarityConfig
    provides = (
        Feature("text.query_cosine", ReasonCode.MATCHES_QUERY),
        Feature("text.profile_cosine", ReasonCode.SIMILAR_CONTENT),
    )

    def __init__(self, config: TextSimilarityConfig, bundle: Bundle) -> None:
        self.config = config
        self.space = text_space(bundle)

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        start = anchors(query, self.config.half_life_days, self.config.most_anchors)
        vectors = [self.space.query_vector(query), self.space.profile(start)]
        out = np.full((len(candidates), 2), np.nan, np.float32)
        for place, vector in enumerate(vectors):
            if vector is not None:
                out[:, place] = self.space.cosines(vector, candidates.items)
        return out


def place_among(scores: Array) -> Array:
    """float32[n]: 0 for the highest score of these candidates, towards 1 for the lowest."""
    order = np.argsort(-scores, kind="stable")
    places = np.empty(len(scores), np.float32)
    places[order] = np.arange(len(scores), dtype=np.float32)
    return places / np.float32(max(len(scores), 1))
