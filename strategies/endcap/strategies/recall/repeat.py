"""What this shopper buys again: their own items by how often and how lately."""

from __future__ import annotations

from pydantic import Field

from endcap.bundle.folder import Bundle, BundleError
from endcap.strategies.anchors import strengths_of
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.top import top


class RepeatConfig(Settings):
    half_life_days: float = Field(60.0, gt=0)


class RepeatRecall:
    Config = RepeatConfig
    reason = ReasonCode.BOUGHT_BEFORE

    def __init__(self, config: RepeatConfig, bundle: Bundle) -> None:
        """Raises BundleError where the shop has no events: nobody has bought anything that they could buy again."""
        if not bundle.manifest.event_weights:
            raise BundleError(f"bundle {bundle.folder} knows no events")
        self.config = config

    def recall(self, query: Query, limit: int) -> Recalled:
        items, strengths = strengths_of(query, self.config.half_life_days, goals_only=True)
        return top(strengths, limit, query.allowed, items)
