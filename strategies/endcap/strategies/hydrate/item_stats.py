"""What everyone did with this item up to the bundle's cut-off: popularity in several windows, trend, repurchase."""

from __future__ import annotations

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Query, ReasonCode, Settings


class ItemStatsConfig(Settings):
    """No parameters."""


_REASONS = {"trend": ReasonCode.TRENDING, "repurchase_rate": None, "repurchase_gap_days": None, "price": None}


class ItemStats:
    Config = ItemStatsConfig

    def __init__(self, config: ItemStatsConfig, bundle: Bundle) -> None:
        part = bundle.part("items")
        self.stats = part.array("stats")  # float32[items, k]
        self.provides = tuple(
            Feature(f"item.{name}", _REASONS.get(name, ReasonCode.POPULAR)) for name in part.json("stats")
        )

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        rows: Array = self.stats[candidates.items]
        return rows
