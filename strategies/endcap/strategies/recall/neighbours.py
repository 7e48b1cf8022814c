"""What shoppers who choose alike bought lately, each by how much alike they are: k nearest neighbours of shoppers.

Who is alike was found at training for every shopper known then. For anyone else, and for a product page, it is found
at request time from the most telling items, by an inverted index over the same shoppers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import distinct
from endcap.strategies.batch import Recalled
from endcap.strategies.compiled import (
    INT,
    INT32S,
    INT64S,
    SINGLE_ROWS,
    SINGLES,
    TO_SINGLE_ROWS,
    fetch,
    kernel,
)
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.top import top

WINDOWS_DAYS = (28.0, 84.0)
RINGS = len(WINDOWS_DAYS) + 1
"""Last bought within the first window, outside of it but within the second, or before."""
MOST_ITEMS = 50


class Near(NamedTuple):
    rows: Array
    """int32[k]: numbers of reference shoppers; -1 is nobody."""
    weights: Array
    """float32[k], summing to 1."""


class LikeShoppers:
    """The reference shoppers of a bundle, who among them is near, and what they bought."""

    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("neighbours")
        self.near = part.array("neighbours")  # int32[shoppers, m], -1 where there are fewer
        self.weights = part.array("weights")  # float32[shoppers, m]
        self.rarity = part.array("rarity")  # float32[items]
        self.posting_offsets = part.array("posting_offsets")  # int64[items + 1]
        self.posting_rows, self.posting_values = part.array("posting_rows"), part.array("posting_values")
        self.reference_count = len(part.array("references"))
        self.items = part.array("items")  # int32[k]: those that can be voted for
        self.places = part.array("places")  # int32[items]: where in ``items``, -1 where not
        self.offsets = part.array("offsets")  # int64[references + 1]
        self.bought = part.array("bought")  # int32[n]: ring * k + place of what each reference bought, once an item

    def votes(self, query: Query) -> Array | None:
        """float32[RINGS, k]: the weighted share of the neighbours who bought each of ``items`` last in a ring, counted
        back from the bundle's cut-off; None where nobody is near."""
        return query.once("neighbours.votes", lambda: self._votes(self.around(query)))

    def _votes(self, near: Near) -> Array | None:
        if not len(near.rows) or not len(self.items):
            return None
        return self.count(near)

    def count(self, near: Near) -> Array:
        """float32[RINGS, k]: as ``votes``, of these neighbours."""
        votes: Array = _votes(near.rows, near.weights, self.offsets, self.bought, len(self.items))
        return votes

    def shares(self, votes: Array, items: Array) -> Array:
        """float32[n, RINGS]: of the neighbours those who bought an item (int32[n]) within each window, and ever; 0 of
        an item that cannot be voted for."""
        shares: Array = _shares(votes, self.places, items)
        return shares

    def around(self, query: Query) -> Near:
        """Who is near to this request's shopper, or to its seed items."""
        if not len(query.seeds) and 0 <= query.user < len(self.near):
            near = self.near[query.user]
            if near.max(initial=-1) >= 0:
                return Near(near, self.weights[query.user])
        if len(query.seeds):
            return self.sought(*np.unique(query.seeds, return_counts=True))
        items, rows = distinct(query)
        return self.sought(items, np.bincount(rows, query.events.weights, len(items)))

    def sought(self, items: Array, strengths: Array) -> Near:
        """Who leans to these items (int32[h]); ``strengths`` is the weight of the events with each."""
        leaning = np.log1p(strengths) * self.rarity[items]
        telling = np.lexsort((items, -leaning))[:MOST_ITEMS]
        starts, ends = self.posting_offsets[items[telling]], self.posting_offsets[items[telling] + 1]
        values = _slices(self.posting_values, starts, ends) * np.repeat(leaning[telling], ends - starts)
        rows = _slices(self.posting_rows, starts, ends)
        likeness = np.bincount(rows, values, self.reference_count)
        best = np.lexsort((np.arange(len(likeness)), -likeness))[: self.near.shape[1]]
        best = best[likeness[best] > 0]
        return Near(best.astype(np.int32), weights_of(likeness[None, best])[0])


def weights_of(likeness: Array) -> Array:
    """float32[u, m]: the squares of cosines (float[u, m]), each row summing to 1, or to 0 where all are 0."""
    squares = np.square(likeness)
    weights: Array = (squares / np.maximum(squares.sum(axis=1, keepdims=True), 1e-30)).astype(np.float32)
    return weights


def _slices(values: Array, starts: Array, ends: Array) -> Array:
    """``values`` of each span, one after the other; copying spans is quicker than gathering by index."""
    spans = [values[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    return np.concatenate([values[:0], *spans])


class NeighboursConfig(Settings):
    """No parameters: who is alike was fixed at training."""


class NeighboursRecall:
    Config = NeighboursConfig
    reason = ReasonCode.SHOPPERS_LIKE_YOU

    def __init__(self, config: NeighboursConfig, bundle: Bundle) -> None:
        self.shoppers = like_shoppers(bundle)

    def recall(self, query: Query, limit: int) -> Recalled:
        votes = self.shoppers.votes(query)
        if votes is None:
            return Recalled.none()
        return top(votes[0] + votes[1], limit, query.allowed, self.shoppers.items)


LINE = 16
"""Numbers that the processor reads from memory at once."""


@kernel(TO_SINGLE_ROWS(INT32S, SINGLES, INT64S, INT32S, INT))
def _votes(rows: Array, weights: Array, offsets: Array, bought: Array, count: int) -> Array:
    """A table over all items that can be voted for: it stays in a core's cache, and no vote waits for another."""
    votes = np.zeros(RINGS * count, np.float32)
    for near in range(len(rows)):
        if rows[near] < 0:
            continue
        first, end, weight = np.uint64(offsets[rows[near]]), np.uint64(offsets[rows[near] + 1]), weights[near]
        ahead = offsets[max(rows[min(near + 1, len(rows) - 1)], 0)]
        while first < end:
            fetch(bought, ahead)  # what comes after these, as much of it as is read of these
            ahead += LINE
            stop = min(first + np.uint64(LINE), end)
            for entry in range(first, stop):  # unsigned: a place below zero would count from the end
                votes[np.uint32(bought[entry])] += weight
            first = stop
    return votes.reshape(RINGS, count)


@kernel(TO_SINGLE_ROWS(SINGLE_ROWS, INT32S, INT32S))
def _shares(votes: Array, places: Array, items: Array) -> Array:
    shares = np.empty((len(items), RINGS), np.float32)
    for row in range(len(items)):
        place, share = places[items[row]], np.float32(0.0)
        for ring in range(RINGS):
            share += votes[ring, place] if place >= 0 else np.float32(0.0)
            shares[row, ring] = share
    return shares


def like_shoppers(bundle: Bundle) -> LikeShoppers:
    return bundle.once("neighbours", lambda: LikeShoppers(bundle))
