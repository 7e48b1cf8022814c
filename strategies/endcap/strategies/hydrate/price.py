"""The item's price against what this shopper usually pays, as ranks within the item's category.

A rank (0 the cheapest of its category, 1 the dearest) compares a shopper's taste across categories of other price
levels, where a ratio of prices would not.
"""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Proof, Query, ReasonCode, Settings
from endcap.strategies.tally import Sums, Tally

_FITS = Proof("price.rank_gap", -0.3, 0.3)


class PriceConfig(Settings):
    """No parameters."""


class Price:
    Config = PriceConfig
    provides = (
        Feature("price.value"),
        Feature("price.rank", ReasonCode.PRICE_FITS, _FITS),
        Feature("price.rank_gap", ReasonCode.PRICE_FITS, _FITS),
        Feature("price.ratio_to_usual", ReasonCode.PRICE_FITS, _FITS),
    )

    def __init__(self, config: PriceConfig, bundle: Bundle) -> None:
        part = bundle.part("items")
        self.prices = part.array("price")  # float32[items], NaN where unknown
        self.ranks = part.array("price_rank")  # float32[items], 0 to 1 within the category, NaN where unknown
        self.category_of = bundle.catalog.groups["category"]
        self.tally = Tally(int(self.category_of.max(initial=-1)) + 1)

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        prices, ranks = self.prices[candidates.items], self.ranks[candidates.items]
        own = query.events.items
        usual_rank = _mean(self.ranks[own])
        usual_price = self._usual_in_category(own, candidates.items)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = prices / usual_price
        out = np.column_stack([prices, ranks, ranks - usual_rank, np.where(np.isfinite(ratio), ratio, np.nan)])
        return out.astype(np.float32)

    def _usual_in_category(self, own: Array, items: Array) -> Array:
        """float64[n]: the mean price of the shopper's events in each candidate's category, NaN where there are none."""
        own = own[~np.isnan(self.prices[own])]
        prices = np.column_stack([self.prices[own], np.ones(len(own), np.float32)])
        sums = self.tally.sums(self.category_of[own], prices)
        means = Sums(sums.keys, sums.values[:, :1] / sums.values[:, 1:])
        found = self.tally.look_up(means, self.category_of[items])[:, 0]
        return np.where(found > 0, found, np.nan)


def _mean(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan
