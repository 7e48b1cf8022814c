"""score = a * similarity + b * attributes: a weighted sum of columns, each standardised over the candidates."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import SINGLE_ROWS, SINGLES, TO_SINGLE_ROWS, TO_SINGLES, kernel, several
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
        return self.scores(candidates.matrix(self.requires))

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        """Against the mean of these very candidates; where all are alike, all of them are 0."""
        return self.moved(candidates.matrix(self.requires))[0]

    def scores(self, rows: Array) -> Array:
        """float32[n]; as ``moved``."""
        return self.moved(rows)[1]

    def moved(self, rows: Array) -> tuple[Array, Array]:
        """float32[n, k], each column's share of each score, and the scores (float32[n]); the columns required are the
        first of ``rows``."""
        moved: tuple[Array, Array] = _standardised(rows, self.weights)
        return moved


@kernel(several(TO_SINGLE_ROWS, TO_SINGLES)(SINGLE_ROWS, SINGLES))
def _standardised(values: Array, weights: Array) -> tuple[Array, Array]:
    """Sums in float64, so that the mean of equal float32 is exactly theirs."""
    rows, parts = len(values), np.empty((len(values), len(weights)), np.float32)
    scores = np.zeros(rows, np.float32)
    for column in range(len(weights)):
        count, total, squares = 0, 0.0, 0.0
        for row in range(rows):
            if not np.isnan(values[row, column]):
                count, total = count + 1, total + values[row, column]
        mean = total / max(count, 1)
        for row in range(rows):
            if not np.isnan(values[row, column]):
                squares += (values[row, column] - mean) ** 2
        spread = np.sqrt(squares / max(count, 1))
        for row in range(rows):
            value = values[row, column]
            centred = 0.0 if np.isnan(value) else value - mean
            parts[row, column] = centred / (spread if spread > 0 else 1.0) * weights[column]
            scores[row] += parts[row, column]
    return parts, scores
