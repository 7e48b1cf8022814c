"""How likely an item is for this shopper by the kinds they buy, whether or not they bought it before."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Query, ReasonCode, Settings
from endcap.strategies.recall.kinds import kind


class KindOddsConfig(Settings):
    kinds: tuple[str, ...] = ("title", "line", "category", "brand")
    half_life_days: float = Field(60.0, gt=0)
    most_anchors: int = Field(300, ge=1)


class KindOdds:
    Config = KindOddsConfig

    def __init__(self, config: KindOddsConfig, bundle: Bundle) -> None:
        self.config = config
        self.kinds = [kind(bundle, name) for name in config.kinds]
        reasons = {"line": ReasonCode.FAVOURITE_BRAND, "brand": ReasonCode.FAVOURITE_BRAND}
        self.provides = tuple(
            Feature(f"kinds.{name}", reasons.get(name, ReasonCode.FAVOURITE_CATEGORY)) for name in config.kinds
        )

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        found = np.empty((len(candidates), len(self.kinds)), np.float32)
        for column, own in enumerate(self.kinds):
            leaning = own.leaning(query, self.config.half_life_days, self.config.most_anchors)
            own.fill(leaning, candidates.items, column, found)
        return found
