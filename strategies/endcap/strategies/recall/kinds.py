"""What else there is of the kinds that the shopper buys: their titles, categories and brands, by what sells there.

A mixture of popularity models, P(item | shopper) = sum over kinds of P(kind | shopper) * P(item | kind): the shopper's
share of events in a kind, decayed, times the item's share of the kind's recent sales.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import Anchors, anchors
from endcap.strategies.batch import Recalled
from endcap.strategies.compiled import (
    INT,
    INT32S,
    INT64S,
    NOTHING,
    REAL_ROWS,
    REALS,
    SINGLES,
    TO_INT32S,
    TO_REALS,
    TO_SINGLE_ROWS,
    kernel,
)
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.top import top
from endcap.strategies.tally import Sums, Tally, item_tally


class Kind:
    """One way to group the catalog, with the best selling items of each group."""

    def __init__(self, bundle: Bundle, name: str) -> None:
        part = bundle.part("kinds")
        self.name = name
        self.group_of = bundle.catalog.groups[name]  # int32[items], -1 where unknown
        self.share = part.array(f"{name}.share")  # float32[items]: of its group's recent sales
        self.offsets = part.array(f"{name}.offsets")  # int64[groups + 1]
        self.items = part.array(f"{name}.items")  # int32[k], by group, the best selling first
        self.tally = Tally(len(self.offsets) - 1)

    def leaning(self, query: Query, half_life_days: float, most_anchors: int) -> Sums:
        """The shopper's groups and their share in each (float64[g, 1], summing to at most 1)."""
        return query.once(
            f"kinds.{self.name}.{half_life_days}.{most_anchors}",
            lambda: self._leaning(anchors(query, half_life_days, most_anchors)),
        )

    def _leaning(self, start: Anchors) -> Sums:
        shares = start.weights[:, None] / max(float(start.weights.sum()), 1e-9)
        return self.tally.sums(self.group_of[start.items], shares)

    def fill(self, leaning: Sums, items: Array, column: int, found: Array) -> None:
        """Into a column of ``found`` (float32[n, k]): how likely each item (int32[n]) is by this kind alone."""
        table, base = self.tally.use(len(leaning.keys))
        _fill(table, base, leaning.keys, leaning.values, self.group_of, self.share, items, column, found)


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
        self.tally = item_tally(bundle)

    def recall(self, query: Query, limit: int) -> Recalled:
        """One tally over all kinds: an item's odds add up over the kinds that it is of."""
        leanings = [kind.leaning(query, self.config.half_life_days, self.config.most_anchors) for kind, _ in self.kinds]
        sizes = [
            int((kind.offsets[at.keys + 1] - kind.offsets[at.keys]).sum()) for (kind, _), at in self._with(leanings)
        ]
        found, odds, count = np.empty(sum(sizes), np.int32), np.empty(sum(sizes)), 0
        table, base = self.tally.use(sum(sizes))
        for (kind, weight), at in self._with(leanings):
            shares = at.values[:, 0] * weight
            count = _add_odds(table, base, at.keys, shares, kind.offsets, kind.items, kind.share, found, odds, count)
        return top(odds[:count], limit, query.allowed, found[:count])

    def _with(self, leanings: list[Sums]) -> Iterable[tuple[tuple[Kind, float], Sums]]:
        return zip(self.kinds, leanings, strict=True)


@kernel(INT(TO_INT32S, INT, INT32S, REALS, INT64S, INT32S, SINGLES, TO_INT32S, TO_REALS, INT))
def _add_odds(
    table: Array,
    base: int,
    groups: Array,
    shares: Array,
    offsets: Array,
    items: Array,
    share: Array,
    found: Array,
    odds: Array,
    count: int,
) -> int:
    """Adds the odds of the groups' items to those of the first ``count`` found, and says how many there are now."""
    for group, weight in zip(groups, shares):  # noqa: B905  # Numba knows no strict
        for place in range(offsets[group], offsets[group + 1]):
            item = items[place]
            row = table[item] - base
            if row < 0:
                row, table[item] = count, base + count
                found[count], odds[count] = item, 0.0
                count += 1
            odds[row] += weight * share[item]
    return count


@kernel(NOTHING(TO_INT32S, INT, INT32S, REAL_ROWS, INT32S, SINGLES, INT32S, INT, TO_SINGLE_ROWS))
def _fill(
    table: Array,
    base: int,
    groups: Array,
    leanings: Array,
    group_of: Array,
    share: Array,
    items: Array,
    column: int,
    found: Array,
) -> None:
    for place in range(len(groups)):
        table[groups[place]] = base + place
    for row in range(len(items)):
        group = group_of[items[row]]
        known = group >= 0 and table[group] >= base
        found[row, column] = leanings[table[group] - base, 0] * share[items[row]] if known else 0.0
