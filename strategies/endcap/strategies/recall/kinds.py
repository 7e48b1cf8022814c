"""What else there is of the kinds that the shopper buys: their titles, categories and brands, by what sells there.

A mixture of popularity models, P(item | shopper) = sum over kinds of P(kind | shopper) * P(item | kind): the shopper's
share of events in a kind, decayed, times the item's share of the kind's recent sales.
"""

from __future__ import annotations

from typing import NamedTuple

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
    REAL,
    REALS,
    SINGLES,
    TO_INT32S,
    TO_REALS,
    TO_SINGLE_ROWS,
    fetch,
    kernel,
    several,
)
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.top import top
from endcap.strategies.tally import Tally, item_tally


class Leaning(NamedTuple):
    """What a shopper leans to among the groups of a kind."""

    groups: Array
    """int32[g], each once."""
    shares: Array
    """float64[g], summing to at most 1."""


class Kind:
    """One way to group the catalog, with the best selling items of each group."""

    def __init__(self, bundle: Bundle, name: str) -> None:
        part = bundle.part("kinds")
        self.name = name
        self.group_of = bundle.catalog.groups[name]  # int32[items], -1 where unknown
        self.share = part.array(f"{name}.share")  # float32[items]: of its group's recent sales
        self.offsets = part.array(f"{name}.offsets")  # int64[groups + 1]
        self.items = part.array(f"{name}.items")  # int32[k], by group, the best selling first
        self.shares = self.share[self.items]  # float32[k], as ``items``
        self.longest = int(np.diff(self.offsets).max(initial=0))  # of the groups
        self.tally = Tally(len(self.offsets) - 1)

    def leaning(self, query: Query, half_life_days: float, most_anchors: int) -> Leaning:
        return query.once(
            f"kinds.{self.name}.{half_life_days}.{most_anchors}",
            lambda: self._leaning(anchors(query, half_life_days, most_anchors)),
        )

    def _leaning(self, start: Anchors) -> Leaning:
        table, base = self.tally.use(len(start.items))
        return Leaning(*_lean(table, base, start.items, start.weights, self.group_of))

    def fill(self, leaning: Leaning, items: Array, column: int, found: Array) -> None:
        """Into a column of ``found`` (float32[n, k]): how likely each item (int32[n]) is by this kind alone."""
        table, base = self.tally.use(len(leaning.groups))
        _fill(table, base, leaning.groups, leaning.shares, self.group_of, self.share, items, column, found)


def kind(bundle: Bundle, name: str) -> Kind:
    return bundle.once(f"kinds.{name}", lambda: Kind(bundle, name))


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
        self.kinds = [(kind(bundle, name), weight) for name, weight in config.weights.items()]
        self.tally = item_tally(bundle)

    def recall(self, query: Query, limit: int) -> Recalled:
        """One tally over all kinds: an item's odds add up over the kinds that it is of."""
        leanings = [kind.leaning(query, self.config.half_life_days, self.config.most_anchors) for kind, _ in self.kinds]
        most = sum(kind.longest * len(at.groups) for (kind, _), at in zip(self.kinds, leanings, strict=True))
        found, odds, count = np.empty(most, np.int32), np.empty(most), 0
        table, base = self.tally.use(most)
        for (kind, weight), at in zip(self.kinds, leanings, strict=True):
            count = _add_odds(
                table, base, at.groups, at.shares, weight, kind.offsets, kind.items, kind.shares, found, odds, count
            )
        return top(odds[:count], limit, query.allowed, found[:count])


AHEAD = 8
"""So many turns before it is needed something is asked for that may lie anywhere in the memory."""


@kernel(several(TO_INT32S, TO_REALS)(TO_INT32S, INT, INT32S, SINGLES, INT32S))
def _lean(table: Array, base: int, items: Array, weights: Array, group_of: Array) -> tuple[Array, Array]:
    """The groups of the items and their share of the weights."""
    found, sums = np.empty(len(items), np.int32), np.empty(len(items))
    total, count = 0.0, 0
    for weight in weights:
        total += weight
    for row in range(len(items)):
        if row + AHEAD < len(items):
            fetch(group_of, items[row + AHEAD])
        group = group_of[items[row]]
        if group < 0:
            continue
        place = table[group] - base
        if place < 0:
            place, table[group] = count, base + count
            found[count], sums[count] = group, 0.0
            count += 1
        sums[place] += weights[row] / total
    return found[:count], sums[:count]


@kernel(INT(TO_INT32S, INT, INT32S, REALS, REAL, INT64S, INT32S, SINGLES, TO_INT32S, TO_REALS, INT))
def _add_odds(
    table: Array,
    base: int,
    groups: Array,
    leanings: Array,
    weight: float,
    offsets: Array,
    items: Array,
    shares: Array,
    found: Array,
    odds: Array,
    count: int,
) -> int:
    """Adds the odds of the groups' items to those of the first ``count`` found, and says how many there are now."""
    for turn in range(len(groups) + AHEAD):  # a turn asks for what the next ones need, the farthest first
        if turn + AHEAD < len(groups):
            fetch(offsets, groups[turn + AHEAD])
        if turn < len(groups):
            for place in range(offsets[groups[turn]], offsets[groups[turn] + 1], 16):
                fetch(items, place)
                fetch(shares, place)
        near = turn - AHEAD // 2
        if 0 <= near < len(groups):
            for place in range(offsets[groups[near]], offsets[groups[near] + 1]):
                fetch(table, items[place])
        if turn < AHEAD:
            continue
        group = groups[turn - AHEAD]
        leaning = leanings[turn - AHEAD] * weight
        first, end = np.uint32(offsets[group]), np.uint32(offsets[group + 1])
        for place in range(first, end):  # unsigned: a place below zero would count from the end
            item = np.uint32(items[place])
            row = table[item] - base
            if row < 0:
                row, table[item] = count, base + count
                found[np.uint32(count)], odds[np.uint32(count)] = item, 0.0
                count += 1
            odds[np.uint32(row)] += leaning * shares[place]
    return count


@kernel(NOTHING(TO_INT32S, INT, INT32S, REALS, INT32S, SINGLES, INT32S, INT, TO_SINGLE_ROWS))
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
        if row + AHEAD < len(items):
            fetch(group_of, items[row + AHEAD])
            fetch(share, items[row + AHEAD])
        if row + AHEAD // 2 < len(items):
            fetch(table, max(group_of[items[row + AHEAD // 2]], 0))
        group = group_of[items[row]]
        known = group >= 0 and table[group] >= base
        found[row, column] = leanings[table[group] - base] * share[items[row]] if known else 0.0
