"""What else there is of the kinds that the shopper buys: their titles, categories and brands, by what sells there.

A mixture of popularity models, P(item | shopper) = sum over kinds of P(kind | shopper) * P(item | kind): the shopper's
share of events in a kind, decayed, times the item's share of the kind's recent sales.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import Anchors, anchors
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.top import permitted, ranked


class Kind:
    """One way to group the catalog, with the best selling items of each group."""

    def __init__(self, bundle: Bundle, name: str) -> None:
        part = bundle.part("kinds")
        self.group_of = bundle.catalog.groups[name]  # int32[items], -1 where unknown
        self.share = part.array(f"{name}.share")  # float32[items]: of its group's recent sales
        self.offsets = part.array(f"{name}.offsets")  # int64[groups + 1]
        self.items = part.array(f"{name}.items")  # int32[k], by group, the best selling first

    def leaning(self, start: Anchors) -> tuple[Array, Array]:
        """Distinct groups (int[g], ascending) and the shopper's share in each (float64[g], summing to at most 1)."""
        groups = self.group_of[start.items]
        known = groups >= 0
        keys, rows = np.unique(groups[known], return_inverse=True)
        return keys, np.bincount(rows, start.weights[known], len(keys)) / max(float(start.weights.sum()), 1e-9)

    def best(self, start: Anchors) -> tuple[Array, Array]:
        """Items (int32[k], each once) of the shopper's groups and their probability by this kind."""
        groups, shares = self.leaning(start)
        starts, counts = self.offsets[groups], self.offsets[groups + 1] - self.offsets[groups]
        rows = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - starts, counts)
        items = self.items[rows]
        return items, np.repeat(shares, counts) * self.share[items]

    def probability(self, start: Anchors, items: Array) -> Array:
        """float32[n]: how likely each item (int32[n]) is by this kind alone."""
        groups, shares = self.leaning(start)
        if not len(groups):
            return np.zeros(len(items), np.float32)
        wanted = self.group_of[items]
        places = np.minimum(np.searchsorted(groups, wanted), len(groups) - 1)
        return np.where(groups[places] == wanted, shares[places] * self.share[items], 0.0).astype(np.float32)


class KindsConfig(Settings):
    weights: dict[str, float] = Field(default={"title": 1.0, "line": 1.0, "category": 1.0}, min_length=1)
    """How much each way to group the catalog counts."""
    half_life_days: float = Field(60.0, gt=0)
    most_anchors: int = Field(300, ge=1)


class KindsRecall:
    Config = KindsConfig
    reason = ReasonCode.FAVOURITE_CATEGORY

    def __init__(self, config: KindsConfig, bundle: Bundle) -> None:
        self.config = config
        self.kinds = [(Kind(bundle, name), weight) for name, weight in config.weights.items()]

    def recall(self, query: Query, limit: int) -> Recalled:
        start = anchors(query, self.config.half_life_days, self.config.most_anchors)
        found = [(items, weight * odds) for kind, weight in self.kinds for items, odds in [kind.best(start)]]
        items, rows = np.unique(np.concatenate([items for items, _ in found]), return_inverse=True)
        odds = np.bincount(rows, np.concatenate([odds for _, odds in found]), len(items))
        return ranked(*permitted(items, odds, query.allowed), limit)
