"""Collaborative filtering by factors: what shoppers with a similar history chose.

The factors are fitted by implicit's alternating least squares; a shopper is folded in at request time from what they
did, so one who was never trained on is served like any other, and a new event counts at once.
"""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import anchors
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.top import top


class Factors:
    """Item factors and the fold-in of a shopper: Hu, Koren and Volinsky, ICDM 2008, equation 4."""

    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("als")
        self.items = part.array("item_factors")  # float32[items, f]
        self.proposable = part.array("proposable")  # int32[k], the items with enough shoppers to be proposed
        self.proposals = part.array("proposals")  # float32[k, f], their factors, side by side for one pass
        self.gram = part.array("gram")  # float64[f, f]: Y'Y + regularization
        fitted = part.json("als")
        self.alpha, self.half_life_days = float(fitted["alpha"]), float(fitted["half_life_days"])
        self.most_items = int(fitted["most_items"])

    def fold_in(self, query: Query) -> Array:
        """float32[f]: the factor of this request's shopper, or of its seed items; zeros where nothing is known."""
        return query.once("als.factor", lambda: self._fold_in(query))

    def _fold_in(self, query: Query) -> Array:
        known = anchors(query, self.half_life_days, self.most_items)
        return self.solve(known.items, known.weights)

    def solve(self, items: Array, strengths: Array) -> Array:
        """float32[f] for items (int32[k]) of the given strengths (float32[k])."""
        if not len(items):
            return np.zeros(self.items.shape[1], np.float32)
        rows = self.items[items].astype(np.float64)
        confidence = confidences(strengths, self.alpha)
        left = self.gram + rows.T @ (rows * (confidence - 1.0)[:, None])
        return np.linalg.solve(left, rows.T @ confidence).astype(np.float32)


def confidences(strengths: Array, alpha: float) -> Array:
    """float64[k]: how sure we are that the shopper wants an item, at least 1; the same in training and serving."""
    return 1.0 + alpha * np.log1p(strengths.astype(np.float64))


class AlsConfig(Settings):
    """No parameters: what the factors need was fixed when they were fitted."""


class AlsRecall:
    Config = AlsConfig
    reason = ReasonCode.SHOPPERS_LIKE_YOU

    def __init__(self, config: AlsConfig, bundle: Bundle) -> None:
        self.factors = Factors(bundle)

    def recall(self, query: Query, limit: int) -> Recalled:
        shopper = self.factors.fold_in(query)
        if not shopper.any():
            return Recalled.none()
        factors = self.factors
        allowed = None if query.allowed is None else query.allowed[factors.proposable]
        found = top(factors.proposals @ shopper, limit, allowed)
        return Recalled(factors.proposable[found.items], found.scores)
