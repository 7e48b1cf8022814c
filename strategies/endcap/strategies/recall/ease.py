"""A linear model of the most bought items: what speaks for an item, and what against it, among all that was chosen.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019. An item's score is the sum of its weights over
the shopper's items; of each item only the strongest weights are kept.
"""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import strengths_of
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.top import top

HALF_LIFE_DAYS, MOST_STRENGTH = 60.0, 2.0


class LinearModel:
    """The weights, and the scores of all modelled items for a request."""

    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("ease")
        self.items = part.array("items")  # int32[k], ascending: those that the model knows
        self.places = part.array("places")  # int32[items]: where in ``items``, -1 where not
        self.targets = part.array("targets")  # int32[k, m]: places of the items that each speaks for or against
        self.weights = part.array("weights")  # float32[k, m]

    def scores(self, query: Query) -> Array | None:
        """float64[2, k]: over the shopper's distinct items, and by recency; None where no item of theirs is known."""
        return query.once("ease.scores", lambda: self._scores(*_chosen(query)))

    def _scores(self, items: Array, strengths: Array) -> Array | None:
        places = self.places[items]
        known = places >= 0
        if not known.any():
            return None
        targets, weights = self.targets[places[known]].astype(np.intp), self.weights[places[known]]
        recent = weights * np.minimum(strengths[known], MOST_STRENGTH)[:, None]
        size = len(self.items)
        return np.stack([np.bincount(targets.ravel(), each.ravel(), size) for each in (weights, recent)])


def _chosen(query: Query) -> tuple[Array, Array]:
    """Distinct items (int32[h], ascending) and their decayed strengths; seeds, where given, replace the history."""
    if len(query.seeds):
        items = np.unique(query.seeds)
        return items, np.ones(len(items), np.float32)
    return strengths_of(query.events, query.now, HALF_LIFE_DAYS)


class EaseConfig(Settings):
    recent: bool = False
    """Whether what was chosen lately counts for more."""


class EaseRecall:
    Config = EaseConfig
    reason = ReasonCode.SHOPPERS_LIKE_YOU

    def __init__(self, config: EaseConfig, bundle: Bundle) -> None:
        self.config = config
        self.model = linear_model(bundle)

    def recall(self, query: Query, limit: int) -> Recalled:
        scores = self.model.scores(query)
        if scores is None:
            return Recalled.none()
        allowed = None if query.allowed is None else query.allowed[self.model.items]
        best = top(scores[int(self.config.recent)], limit, allowed)
        return Recalled(self.model.items[best.items], best.scores)


def linear_model(bundle: Bundle) -> LinearModel:
    return bundle.once("ease", lambda: LinearModel(bundle))
