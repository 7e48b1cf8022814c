"""Item to item: what is bought in one basket, or seen in one visit, with what this shopper chose last."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import Anchors, anchors
from endcap.strategies.batch import Recalled
from endcap.strategies.compiled import (
    INT,
    INT32_ROWS,
    INT32S,
    NOTHING,
    SINGLE_ROWS,
    SINGLES,
    TO_INT32S,
    TO_REALS,
    TO_SINGLE_ROWS,
    compiled,
    fetch,
    kernel,
    several,
)
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.top import top
from endcap.strategies.tally import item_tally


class Neighbours:
    """For every item its nearest others by decayed co-occurrence."""

    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("covisit")
        self.items = part.array("neighbours")  # int32[items, m], -1 where there are fewer
        self.similarities = part.array("similarities")  # float32[items, m], 0 there
        self.tally = item_tally(bundle)

    def around(self, start: Anchors) -> tuple[Array, Array]:
        """The neighbours of the weighted anchors (int32[k], each once), and their similarity (float64[k]) summed over
        these."""
        table, base = self.tally.use(len(start.items) * self.items.shape[1])
        near: tuple[Array, Array] = _around(table, base, self.items, self.similarities, start.items, start.weights)
        return near

    def fill(self, start: Anchors, items: Array, column: int, found: Array) -> None:
        """Into a column of ``found`` (float32[n, k]): of each item (int32[n], distinct) the mean similarity to the
        weighted anchors; NaN where there are none."""
        table, base = self.tally.use(len(items))
        _fill(table, base, items, self.items, self.similarities, start.items, start.weights, column, found)

    def strongest_anchor(self, start: Anchors, items: Array) -> Array:
        """int32[k]: for each item the anchor that speaks most for it, -1 where none does. For explanations."""
        found: Array = _strongest(items, self.items, self.similarities, start.items, start.weights)
        return found


class CovisitConfig(Settings):
    half_life_days: float = Field(14.0, gt=0)
    """How fast an event of the shopper loses its say."""
    most_anchors: int = Field(60, ge=1)


class CovisitRecall:
    Config = CovisitConfig
    reason = ReasonCode.OFTEN_BOUGHT_WITH

    def __init__(self, config: CovisitConfig, bundle: Bundle) -> None:
        self.config = config
        self.neighbours = Neighbours(bundle)

    def recall(self, query: Query, limit: int) -> Recalled:
        start = anchors(query, self.config.half_life_days, self.config.most_anchors)
        items, similarities = self.neighbours.around(start)
        return top(similarities, limit, query.allowed, items)


AHEAD = 4
"""So many anchors before they are needed neighbours are asked for: they lie all over the memory."""


@compiled
def _ask(anchors: Array, row: int, neighbours: Array, similarities: Array) -> None:
    if row < len(anchors):
        first, width = anchors[row] * neighbours.shape[1], neighbours.shape[1]
        for column in range(0, width, 16):
            fetch(neighbours, first + column)
            fetch(similarities, first + column)


@kernel(several(TO_INT32S, TO_REALS)(TO_INT32S, INT, INT32_ROWS, SINGLE_ROWS, INT32S, SINGLES))
def _around(
    table: Array, base: int, neighbours: Array, similarities: Array, anchors: Array, weights: Array
) -> tuple[Array, Array]:
    count, width = 0, neighbours.shape[1]
    found, sums = np.empty(len(anchors) * width, np.int32), np.empty(len(anchors) * width)
    for row in range(min(AHEAD, len(anchors))):
        _ask(anchors, row, neighbours, similarities)
    for row in range(len(anchors)):
        _ask(anchors, row + AHEAD, neighbours, similarities)
        near, similarity, weight = neighbours[anchors[row]], similarities[anchors[row]], weights[row]
        for column in range(width):
            fetch(table, max(near[column], 0))
        for column in range(width):
            item = near[column]
            if item < 0:
                continue
            place = table[item] - base
            if place < 0:
                place, table[item] = count, base + count
                found[count], sums[count] = item, 0.0
                count += 1
            sums[place] += similarity[column] * weight
    return found[:count], sums[:count]


@kernel(NOTHING(TO_INT32S, INT, INT32S, INT32_ROWS, SINGLE_ROWS, INT32S, SINGLES, INT, TO_SINGLE_ROWS))
def _fill(
    table: Array,
    base: int,
    items: Array,
    neighbours: Array,
    similarities: Array,
    anchors: Array,
    weights: Array,
    column: int,
    found: Array,
) -> None:
    sums, total = np.zeros(len(items)), 0.0
    for row in range(min(AHEAD, len(anchors))):
        _ask(anchors, row, neighbours, similarities)
    for place in range(len(items)):
        table[items[place]] = base + place
    for row in range(len(anchors)):
        _ask(anchors, row + AHEAD, neighbours, similarities)
        near, similarity, weight = neighbours[anchors[row]], similarities[anchors[row]], weights[row]
        for other in range(len(near)):
            item = near[other]
            place = table[item] - base if item >= 0 else -1
            if place >= 0:
                sums[place] += similarity[other] * weight
        total += weight
    for place in range(len(items)):
        found[place, column] = sums[place] / total  # without anchors 0 / 0, which is NaN


@kernel(TO_INT32S(INT32S, INT32_ROWS, SINGLE_ROWS, INT32S, SINGLES))
def _strongest(items: Array, neighbours: Array, similarities: Array, anchors: Array, weights: Array) -> Array:
    """An anchor's neighbours are compared many at once with each of the few items: none stands among them twice."""
    most, found = np.zeros(len(items)), np.full(len(items), -1, np.int32)
    for row in range(min(AHEAD, len(anchors))):
        _ask(anchors, row, neighbours, similarities)
    for row in range(len(anchors)):
        _ask(anchors, row + AHEAD, neighbours, similarities)
        near = neighbours[anchors[row]]
        for place in range(len(items)):
            item, at = items[place], np.int32(-1)
            for column in range(len(near)):
                at = max(at, np.int32(column) if near[column] == item else np.int32(-1))
            if at >= 0:
                support = similarities[anchors[row], at] * weights[row]
                if support > most[place]:
                    most[place], found[place] = support, anchors[row]
    return found
