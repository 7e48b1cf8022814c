"""How near an item is to what answers the search best, and how near the search is to the kind of thing that it is.

The first is pseudo-relevance feedback in vector form (Rocchio, 1971; for dense retrieval Li et al., TOIS 2023): the
mean of the texts nearest to the search, over the whole catalog whatever the request's filter or candidates. The second
compares the search with the mean of the texts nearest to the item, where training wrote these for a search ranker.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import INT, INT32S, SINGLE, SINGLE_ROWS, SINGLES, TO_SINGLES, kernel
from endcap.strategies.contract import Feature, Query, ReasonCode, Settings
from endcap.strategies.text.space import text_space


class QueryContextConfig(Settings):
    texts: int = Field(5, ge=1, le=100)
    """The mean is over so many nearest texts."""
    sharpness: float = Field(10.0, ge=0)
    """How much more a nearer one counts: its weight is exp(sharpness * cosine)."""


class QueryContext:
    Config = QueryContextConfig
    provides = (
        Feature("query.feedback_cosine", ReasonCode.MATCHES_QUERY),
        Feature("query.neighbour_cosine", ReasonCode.MATCHES_QUERY),
    )

    def __init__(self, config: QueryContextConfig, bundle: Bundle) -> None:
        self.config = config
        self.space = text_space(bundle)

    def words_to_encode(self, query: Query) -> str:
        return self.space.meant(query)

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        vector = self.space.query_vector(query)
        columns = np.full((len(candidates), 2), np.nan, np.float32)
        if vector is None:
            return columns
        answer = self._answer(query, vector)
        columns[:, 0] = self.space.cosines(answer, candidates.items)
        if self.space.near is not None:
            columns[:, 1] = self.space.near[self.space.text_of[candidates.items]].astype(np.float32) @ vector
        return columns

    def _answer(self, query: Query, vector: Array) -> Array:
        """float32[d], unit length: the weighted mean of the nearest texts."""
        numbers, cosines = self.space.closest(query, self.config.texts)
        answer: Array = _answer(self.space.vectors, numbers, cosines, self.config.texts, self.config.sharpness, vector)
        return answer


@kernel(TO_SINGLES(SINGLE_ROWS, INT32S, SINGLES, INT, SINGLE, SINGLES))
def _answer(vectors: Array, texts: Array, cosines: Array, most: int, sharpness: np.float32, vector: Array) -> Array:
    """float32[d], unit length: the mean of the first of ``texts`` (by falling cosine), or ``vector`` without any."""
    mean, square = np.zeros(len(vector), np.float32), np.float32(0.0)
    for place in range(min(most, len(texts))):
        weight, near = np.exp(sharpness * (cosines[place] - cosines[0])), vectors[texts[place]]
        for column in range(len(mean)):
            mean[column] += weight * near[column]
    for value in mean:
        square += value * value
    length = np.sqrt(square)
    return mean / length if length > 0 else vector.copy()
