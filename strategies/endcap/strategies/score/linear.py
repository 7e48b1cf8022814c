"""score = a * similarity + b * attributes: a weighted sum of columns, each standardised over the candidates."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query, Settings


class LinearConfig(Settings):
    weights: dict[str, float] = Field(min_length=1)
    """Column to weight. A column that is unknown for a candidate adds nothing, like the candidates' mean."""


class Linear:
    Config = LinearConfig

    def __init__(self, config: LinearConfig, bundle: Bundle) -> None:
        self.requires = tuple(config.weights)
        self.weights = np.array(list(config.weights.values()), np.float32)

    def score(self, query: Query, candidates: Candidates) -> Array:
        scores: Array = self._parts(candidates).sum(axis=1)
        return scores

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        """Against the mean of these very candidates; where all are alike, all of them are 0."""
        return self._parts(candidates)

    def _parts(self, candidates: Candidates) -> Array:
        """float32[n, k]: each column's share of each score."""
        values = candidates.matrix(self.requires).astype(np.float64)  # the mean of equal float32 is then exactly theirs
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0).sum(axis=0) / count
        centred = np.where(known, values - mean, 0)
        spread = np.sqrt((centred**2).sum(axis=0) / count)
        parts: Array = (centred / np.where(spread > 0, spread, 1) * self.weights).astype(np.float32)
        return parts
