"""What someone would choose of whom little is known: attributes, a page, a first query, the first items of a visit.

The same factors as for everyone else, read from the other side. Known shoppers say how factors are spread, and their
attributes where the mean lies; what is seen of this one moves the mean as far as one sight of it can: the posterior of
a Gaussian (Bishop, Pattern Recognition and Machine Learning, 2006, section 2.3.3). ALS's own fold-in takes everything
that was not chosen as unwanted, which of someone who came a minute ago is not known.

Factors look back for months. What the mean shopper wants is therefore read from what sells now, and only how far this
one is from the mean from the factors: of whom nothing is known gets what is popular.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import anchors
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.als import DEFAULT_PLACES, factors_of
from endcap.strategies.recall.cold import spoken
from endcap.strategies.recall.longest import added
from endcap.strategies.text.space import TextSpace, text_space

NOISE = 0.03
"""Variance of what one choice says: 1 where a shopper's factor would have made it certain."""
NEAREST, PER_TEXT = 30, 5
"""Items whose texts are nearest to the words stand for them."""
HALF_LIFE_DAYS = 120.0


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


def moved(mean: Array, spread: Array, seen: Array) -> Array:
    """float32[f]: where a shopper is expected who chose items of these factors (float32[k, f]).

    ``mean`` (float32[f]) and ``spread`` (float64[f, f]) are what was expected before.
    """
    rows = seen.astype(np.float64)
    reach = rows @ spread
    surprise = np.linalg.solve(reach @ rows.T + NOISE * np.eye(len(rows)), 1.0 - rows @ mean)
    return (mean + reach.T @ surprise).astype(np.float32)


class ProfileConfig(Settings):
    newcomers: float = Field(DEFAULT_PLACES, ge=0, le=0.5)
    """As of the source ``als``."""
    most_anchors: int = Field(10, ge=1)
    """Of what was chosen as much is looked at; the more there is, the better does ``als``."""


class ProfileRecall:
    Config = ProfileConfig
    reason = ReasonCode.SHOPPERS_LIKE_YOU

    def __init__(self, config: ProfileConfig, bundle: Bundle) -> None:
        part = bundle.part("als")
        self.config = config
        self.factors = factors_of(bundle)
        self.shoppers = ShopperMap(part.array("profile"), part.json("profile"))
        self.spread = part.array("shopper_spread")  # float64[f, f]
        self.space = text_space(bundle) if bundle.has("text") else None
        self.correction = self._correction(bundle)
        self.added = added(self.correction)

    def _correction(self, bundle: Bundle) -> Array:
        """float32[k], one each of the items that can be proposed: the mean shopper's score as of late, less the usual
        one."""
        part, usual = bundle.part("popular"), self.factors.proposals @ self.shoppers.rows[0]
        selling = np.zeros(len(bundle.catalog), np.float32)
        selling[part.array("items")] = part.array("scores")
        selling = selling[self.factors.proposable]
        scale = float(usual @ selling) / max(float(selling @ selling), 1e-9)  # least squares
        correction: Array = selling * np.float32(max(scale, 0.0)) - usual
        return correction

    def words_to_encode(self, query: Query) -> str:
        return spoken(query) if self.space is not None else ""

    def recall(self, query: Query, limit: int) -> Recalled:
        factor = self.factor(query)
        return self.factors.best(factor, limit, query.allowed, self.config.newcomers, self.added)

    def factor(self, query: Query) -> Array:
        """float32[f]."""
        mean = self.shoppers.factor(query.attributes)
        seen = self.factors.items[anchors(query, HALF_LIFE_DAYS, self.config.most_anchors).items]
        words = self.words_to_encode(query)
        if words and self.space is not None:
            seen = np.vstack([seen, self._described(query, words, self.space)])
        return moved(mean, self.spread, seen)

    def _described(self, query: Query, words: str, space: TextSpace) -> Array:
        """float32[f]: what items that answer to the words have in common; the sought after count for more."""
        vector = query.once("cold.vector", lambda: space.encoder.encode_one(words))
        factors = self.factors.items[space.nearest(vector, NEAREST, None, PER_TEXT).items]
        lengths = np.linalg.norm(factors, axis=1)
        mean: Array = lengths @ factors / max(float(lengths.sum()), 1e-9)
        return mean
