"""Item to item: what is bought in one basket, or seen in one visit, with what this shopper chose last."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import Anchors, anchors
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.top import permitted, ranked


class Neighbours:
    """For every item its nearest others by decayed co-occurrence."""

    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("covisit")
        self.items = part.array("neighbours")  # int32[items, m], -1 where there are fewer
        self.similarities = part.array("similarities")  # float32[items, m], 0 there

    def around(self, start: Anchors) -> tuple[Array, Array]:
        """Distinct neighbours (int32[k], ascending) and their similarity summed over the weighted anchors."""
        near = self.items[start.items]
        weights = self.similarities[start.items] * start.weights[:, None]
        known = near >= 0
        items, rows = np.unique(near[known], return_inverse=True)
        return items, np.bincount(rows, weights[known], len(items)).astype(np.float32)

    def strongest_anchor(self, start: Anchors, items: Array) -> Array:
        """int32[k]: for each item the anchor that speaks most for it, -1 where none does. For explanations."""
        near, weights = self.items[start.items], self.similarities[start.items] * start.weights[:, None]
        found = np.full(len(items), -1, np.int32)
        for place, item in enumerate(items):
            support = np.where(near == item, weights, 0.0).max(axis=1, initial=0.0)
            if len(support) and support.max() > 0:
                found[place] = start.items[support.argmax()]
        return found


class CovisitConfig(Settings):
    half_life_days: float = Field(14.0, gt=0)
    """How fast an event of the shopper loses its say."""
    most_anchors: int = Field(60, ge=1)


class CovisitRecall:
    Config = CovisitConfig
    reason = ReasonCode.OFTEN_BOUGHT_WITH

    def __init__(self, config: CovisitConfig, bundle: Bundle) -> None:
        self.config = config
        self.neighbours = Neighbours(bundle)

    def recall(self, query: Query, limit: int) -> Recalled:
        start = anchors(query, self.config.half_life_days, self.config.most_anchors)
        return ranked(*permitted(*self.neighbours.around(start), query.allowed), limit)
