"""What everyone did with this item up to the bundle's cut-off: popularity in several windows, trend, repurchase."""

from __future__ import annotations

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Proof, Query, ReasonCode, Settings


class ItemStatsConfig(Settings):
    """No parameters."""


_REASONS = {
    "trend": ReasonCode.TRENDING,
    "trend_7d": ReasonCode.TRENDING,
    "repurchase_rate": None,
    "repurchase_gap_days": None,
    "days_on_sale": None,
}
_PROOFS = {ReasonCode.TRENDING: Proof(), ReasonCode.POPULAR: Proof("item.popularity", above=0.25)}


class ItemStats:
    Config = ItemStatsConfig

    def __init__(self, config: ItemStatsConfig, bundle: Bundle) -> None:
        part = bundle.part("items")
        self.stats = part.array("stats")  # float32[items, k]
        self.provides = tuple(_feature(name) for name in part.json("stats"))

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        rows: Array = self.stats.take(candidates.items, axis=0)
        return rows


def _feature(name: str) -> Feature:
    reason = _REASONS.get(name, ReasonCode.POPULAR)
    return Feature(f"item.{name}", reason, _PROOFS.get(reason, Proof()) if reason else Proof())
