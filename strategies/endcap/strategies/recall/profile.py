"""What someone would choose who has not done anything yet, by what is known of them: words, a page, or attributes.

The same factors as for everyone else. Words become the factor of an item that they would describe, and the shopper
one who met it; attributes become the mean shopper with these; of whom nothing is known is the mean shopper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.als import DEFAULT_PLACES, Factors, confidences, folded_in
from endcap.strategies.recall.cold import spoken
from endcap.strategies.text.encoder import Encoder
from endcap.strategies.text.space import text_space


class ShopperMap:
    """From attributes to a factor; see endcap.training.fit.shoppers."""

    def __init__(self, rows: Array, columns: Mapping[str, Mapping[str, Any]]) -> None:
        self.rows = rows  # float32[p + 1, f], the first the mean shopper
        self.columns = columns

    def factor(self, attributes: Mapping[str, str]) -> Array:
        """float32[f]. Attributes and values that no known shopper has say nothing."""
        factor: Array = self.rows[0].copy()
        for name, value in sorted(attributes.items()):
            if name in self.columns:
                row, amount = _place(self.columns[name], value)
                factor += self.rows[row] * np.float32(amount)
        return factor


def _place(column: Mapping[str, Any], value: str) -> tuple[int, float]:
    """Which row the value adds, and how much of it."""
    if "values" in column:
        row = column["values"].get(value)
        return (0, 0.0) if row is None else (int(row), 1.0)
    try:
        amount = (float(value) - column["mean"]) / column["spread"]
    except ValueError:
        return 0, 0.0
    return int(column["row"]), amount if np.isfinite(amount) else 0.0


class ProfileConfig(Settings):
    newcomers: float = Field(DEFAULT_PLACES, ge=0, le=0.5)
    """As of the source ``als``."""


class ProfileRecall:
    Config = ProfileConfig
    reason = ReasonCode.SHOPPERS_LIKE_YOU

    def __init__(self, config: ProfileConfig, bundle: Bundle) -> None:
        part = bundle.part("als")
        self.places = config.newcomers
        self.factors = Factors(bundle)
        self.shoppers = ShopperMap(part.array("profile"), part.json("profile"))
        self.text_map = part.array("text_map")  # float32[d + 1, f]
        self.encoder = _encoder(bundle, len(self.text_map) - 1)

    def recall(self, query: Query, limit: int) -> Recalled:
        return self.factors.best(self._factor(query), limit, query.allowed, self.places)

    def _factor(self, query: Query) -> Array:
        words = spoken(query)
        if words and self.encoder is not None:
            encoder = self.encoder
            vector = query.once("cold.vector", lambda: encoder.encode_one(words))
            return self._by_text(vector)
        return self.shoppers.factor(query.attributes)

    def _by_text(self, vector: Array) -> Array:
        """float32[f] of a shopper who met one item of this text (float32[d])."""
        item = vector @ self.text_map[:-1] + self.text_map[-1]
        once = confidences(np.ones(1, np.float32), self.factors.alpha)
        return folded_in(self.factors.gram, item[None] * np.float32(self.factors.scale(DEFAULT_PLACES)), once)


def _encoder(bundle: Bundle, dimension: int) -> Encoder | None:
    """None where the factors were learned without texts: words then say nothing."""
    return text_space(bundle).encoder if dimension else None
