"""score = a * similarity + b * attributes: a weighted sum of columns, each standardised over the candidates."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import NOTHING, SINGLE_ROWS, SINGLES, TO_SINGLE_ROWS, kernel
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
        values = candidates.matrix(self.requires)
        parts = np.empty_like(values)
        _standardise(values, self.weights, parts)
        return parts


@kernel(NOTHING(SINGLE_ROWS, SINGLES, TO_SINGLE_ROWS))
def _standardise(values: Array, weights: Array, parts: Array) -> None:
    """Sums in float64, so that the mean of equal float32 is exactly theirs."""
    for column in range(len(weights)):
        count, total, squares = 0, 0.0, 0.0
        for row in range(len(values)):
            if not np.isnan(values[row, column]):
                count, total = count + 1, total + values[row, column]
        mean = total / max(count, 1)
        for row in range(len(values)):
            if not np.isnan(values[row, column]):
                squares += (values[row, column] - mean) ** 2
        spread = np.sqrt(squares / max(count, 1))
        for row in range(len(values)):
            value = values[row, column]
            centred = 0.0 if np.isnan(value) else value - mean
            parts[row, column] = centred / (spread if spread > 0 else 1.0) * weights[column]
