"""What the linear model of the most bought items says of each candidate."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Query, ReasonCode, Settings
from endcap.strategies.recall.ease import HALF_LIFE_DAYS, linear_model


class EaseSimilarityConfig(Settings):
    """No parameters: the weights were fixed when they were fitted."""


class EaseSimilarity:
    Config = EaseSimilarityConfig
    provides = (
        Feature("ease.similarity", ReasonCode.SHOPPERS_LIKE_YOU),
        Feature(f"ease.similarity_{HALF_LIFE_DAYS:g}d", ReasonCode.SHOPPERS_LIKE_YOU),
    )

    def __init__(self, config: EaseSimilarityConfig, bundle: Bundle) -> None:
        self.model = linear_model(bundle)

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        """NaN for an item that the model does not know, as for a shopper of whom it knows no item."""
        scores = self.model.scores(query)
        if scores is None:
            return np.full((len(candidates), len(self.provides)), np.nan, np.float32)
        return self.model.told(scores, candidates.items)
