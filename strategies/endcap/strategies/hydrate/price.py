"""The item's price against what this shopper usually pays, as ranks within the item's category.

A rank (0 the cheapest of its category, 1 the dearest) compares a shopper's taste across categories of other price
levels, where a ratio of prices would not.
"""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import INT, INT32S, NOTHING, SINGLES, TO_INT32S, TO_SINGLE_ROWS, kernel
from endcap.strategies.contract import Feature, Proof, Query, ReasonCode, Settings
from endcap.strategies.tally import Tally

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
        own, found = query.events.items, np.empty((len(candidates), len(self.provides)), np.float32)
        table, base = self.tally.use(len(own))
        _compare(table, base, own, candidates.items, self.prices, self.ranks, self.category_of, found)
        return found


@kernel(NOTHING(TO_INT32S, INT, INT32S, INT32S, SINGLES, SINGLES, INT32S, TO_SINGLE_ROWS))
def _compare(
    table: Array,
    base: int,
    own: Array,
    items: Array,
    prices: Array,
    ranks: Array,
    category_of: Array,
    found: Array,
) -> None:
    """What the shopper usually pays in a category is the mean price of their events in it; NaN where there are none."""
    sums, count, ranks_sum, ranked = np.empty((len(own), 2)), 0, 0.0, 0
    for item in own:
        if not np.isnan(ranks[item]):
            ranks_sum += ranks[item]
            ranked += 1
        category, price = category_of[item], prices[item]
        if category < 0 or np.isnan(price):
            continue
        place = table[category] - base
        if place < 0:
            place, table[category] = count, base + count
            sums[count] = 0.0
            count += 1
        sums[place, 0] += price
        sums[place, 1] += 1.0
    usual_rank = np.float32(ranks_sum / ranked if ranked else np.nan)
    for row in range(len(items)):
        item = items[row]
        category = category_of[item]
        place = table[category] - base if category >= 0 else -1
        usual = sums[place, 0] / sums[place, 1] if place >= 0 else np.nan
        ratio = prices[item] / usual if usual > 0 else np.nan
        found[row, 0], found[row, 1] = prices[item], ranks[item]
        found[row, 2] = ranks[item] - usual_rank
        found[row, 3] = ratio if np.isfinite(ratio) else np.nan
