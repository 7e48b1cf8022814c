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
        numbers, cosines = (found[: self.config.texts] for found in self.space.closest(query, self.config.texts))
        weights = np.exp(self.config.sharpness * (cosines - cosines.max(initial=-1.0)))
        mean = weights.astype(np.float32) @ self.space.vectors[numbers]
        length = float(np.linalg.norm(mean))
        answer: Array = (mean / length if length > 0 else vector).astype(np.float32)
        return answer
