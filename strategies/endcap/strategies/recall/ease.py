"""A linear model of the most bought items: what speaks for an item, and what against it, among all that was chosen.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019. An item's score is the sum of its weights over
the shopper's items; of each item only the strongest weights are kept.
"""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import strengths_of
from endcap.strategies.batch import Recalled
from endcap.strategies.compiled import (
    INT32_ROWS,
    INT32S,
    REAL_ROWS,
    SINGLE_ROWS,
    SINGLES,
    TO_REAL_ROWS,
    TO_SINGLE_ROWS,
    fetch,
    kernel,
)
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.recall.top import top

HALF_LIFE_DAYS, MOST_STRENGTH = 60.0, 2.0


class LinearModel:
    """The weights, and the scores of all modelled items for a request."""

    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("ease")
        self.items = part.array("items")  # int32[k], ascending: those that the model knows
        self.places = part.array("places")  # int32[items]: where in ``items``, -1 where not
        self.targets = part.array("targets")  # int32[k, m]: places of the items that each speaks for or against
        self.weights = part.array("weights")  # float32[k, m]

    def scores(self, query: Query) -> Array | None:
        """float64[2, k]: over the shopper's distinct items, and by recency; None where no item of theirs is known."""
        return query.once("ease.scores", lambda: self._scores(*_chosen(query)))

    def _scores(self, items: Array, strengths: Array) -> Array | None:
        scores: Array = _added_up(items, strengths, self.places, self.targets, self.weights)
        return scores.T if len(scores) else None

    def told(self, scores: Array, items: Array) -> Array:
        """float32[n, 2]: of each item (int32[n]) what ``scores`` gave; NaN where it is not known."""
        found: Array = _told(scores.T, self.places, items)
        return found


def _chosen(query: Query) -> tuple[Array, Array]:
    """Distinct items (int32[h], ascending) and their decayed strengths; seeds, where given, replace the history."""
    if len(query.seeds):
        items = np.unique(query.seeds)
        return items, np.ones(len(items), np.float32)
    return strengths_of(query, HALF_LIFE_DAYS)


AHEAD = 4
"""So many items before they are needed weights are asked for."""


@kernel(TO_REAL_ROWS(INT32S, SINGLES, INT32S, INT32_ROWS, SINGLE_ROWS))
def _added_up(items: Array, strengths: Array, places: Array, targets: Array, weights: Array) -> Array:
    """What the items (and their strengths) speak for; empty where the model knows none of them."""
    known, width = 0, targets.shape[1]
    scores = np.zeros((len(targets), 2))  # side by side: both are needed at once
    for row in range(len(items)):
        if row + AHEAD < len(items) and places[items[row + AHEAD]] >= 0:
            first = places[items[row + AHEAD]] * width
            for column in range(0, width, 16):
                fetch(targets, first + column)
                fetch(weights, first + column)
        place = places[items[row]]
        if place < 0:
            continue
        own, spoken, recency = targets[place], weights[place], min(strengths[row], np.float32(MOST_STRENGTH))
        for column in range(width):
            target = scores[np.uint32(own[column])]  # unsigned: a place below zero would count from the end
            target[0] += spoken[column]
            target[1] += spoken[column] * recency
        known += 1
    return scores if known else scores[:0]


@kernel(TO_SINGLE_ROWS(REAL_ROWS, INT32S, INT32S))
def _told(scores: Array, places: Array, items: Array) -> Array:
    found = np.empty((len(items), 2), np.float32)
    for row in range(len(items)):
        place = places[items[row]]
        for column in range(2):
            found[row, column] = scores[place, column] if place >= 0 else np.nan
    return found


class EaseConfig(Settings):
    recent: bool = False
    """Whether what was chosen lately counts for more."""


class EaseRecall:
    Config = EaseConfig
    reason = ReasonCode.SHOPPERS_LIKE_YOU

    def __init__(self, config: EaseConfig, bundle: Bundle) -> None:
        self.config = config
        self.model = linear_model(bundle)

    def recall(self, query: Query, limit: int) -> Recalled:
        scores = self.model.scores(query)
        if scores is None:
            return Recalled.none()
        return top(scores[int(self.config.recent)], limit, query.allowed, self.model.items)


def linear_model(bundle: Bundle) -> LinearModel:
    return bundle.once("ease", lambda: LinearModel(bundle))
