"""Collaborative filtering by factors: what shoppers with a similar history chose.

The factors are fitted by implicit's alternating least squares; a shopper is folded in at request time from what they
did, so one who was never trained on is served like any other, and a new event counts at once. Items that nobody has met
yet have the factors that items like them can be expected to have, and a share of the places.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, Part
from endcap.strategies.anchors import anchors
from endcap.strategies.batch import Recalled
from endcap.strategies.compiled import (
    INT32S,
    REAL,
    REAL_ROWS,
    REALS,
    SINGLE_ROWS,
    SINGLES,
    TO_REALS,
    TO_SINGLE_ROWS,
    TO_SINGLES,
    fetch,
    kernel,
    several,
)
from endcap.strategies.contract import NO_ITEMS, Query, ReasonCode, Settings
from endcap.strategies.recall.longest import Added, Longest
from endcap.strategies.recall.top import top

DEFAULT_PLACES = 0.05
"""Newcomers' share of the places where nobody says otherwise, and the scale of their factors as features."""
AHEAD = 8
"""So many items before it is needed a factor is asked for."""


class Factors:
    """Item factors and the fold-in of a shopper."""

    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("als")
        self.items = part.array("item_factors")  # float32[items, f]
        self.proposable = part.array("proposable")  # int32[k], the items with enough shoppers to be proposed
        self.proposals = part.array("proposals")  # float32[k, f], their factors, the longest first
        self.gram = part.array("gram")  # float64[f, f]: Y'Y + regularization, of the items with events
        fitted = part.json("als")
        self.alpha, self.half_life_days = float(fitted["alpha"]), float(fitted["half_life_days"])
        self.most_items = int(fitted["most_items"])
        told = fitted.get("newcomer_scales", {})  # none in a bundle that was written before there were any
        self._scales = [(0.0, 0.0), *sorted((float(share), float(scale)) for share, scale in told.items())]
        self.newcomers = part.array("newcomers") if told else NO_ITEMS
        """int32[m]: items that hardly anybody has met yet."""
        self.newcomer_factors = part.array("newcomer_factors") if told else self.items[:0]
        """float32[m, f]: what is expected of them, not to scale; the longest first."""
        reach = float(fitted.get("reach", {"cosine": 1.0})["cosine"])
        self.regular = Longest(
            self.proposable, self.proposals, _lengths(part, "proposal_lengths", self.proposable), reach
        )
        self.new = Longest(
            self.newcomers, self.newcomer_factors, _lengths(part, "newcomer_lengths", self.newcomers), reach
        )

    def fold_in(self, query: Query) -> Array:
        """float32[f]: the factor of this request's shopper, or of its seed items; zeros where nothing is known."""
        return query.once("als.factor", lambda: self._fold_in(query))

    def _fold_in(self, query: Query) -> Array:
        known = anchors(query, self.half_life_days, self.most_items)
        return self.solve(known.items, known.weights)

    def solve(self, items: Array, strengths: Array) -> Array:
        """float32[f] for items (int32[k]) of the given strengths (float32[k])."""
        return _folded_in(self.gram, self.items, items, confidences(strengths, self.alpha))

    def scale(self, places: float) -> float:
        """What newcomers' scores are multiplied by to hold this share of the places in shoppers' lists."""
        shares, scales = zip(*self._scales, strict=True)
        return float(np.interp(places, shares, scales))

    def best(
        self, shopper: Array, limit: int, allowed: Array | None, places: float, correction: Added | None = None
    ) -> Recalled:
        """The items of the highest scores for a shopper's factor; newcomers hold about ``places`` of them.

        ``correction``, of float32[k], is added to the scores of what can be proposed.
        """
        found = self.regular.search(shopper, limit, allowed, plus=correction).best
        scale = np.float32(self.scale(places) if places else 0.0)
        if not scale > 0:
            return found
        least = float(found.scores[-1]) if len(found.scores) == limit else 0.0
        new = self.new.search(scale * shopper, limit, allowed, least).best
        scores, items = np.concatenate([found.scores, new.scores]), np.concatenate([found.items, new.items])
        return top(scores, limit, None, items)


def factors_of(bundle: Bundle) -> Factors:
    return bundle.once("als", lambda: Factors(bundle))


def _lengths(part: Part, name: str, items: Array) -> Array:
    """float32[k]; in a bundle that was written before there were any, without an end, so that all are looked at."""
    return part.array(name) if f"{name}.npy" in part.files() else np.broadcast_to(np.float32(np.inf), len(items))


def folded_in(gram: Array, factors: Array, confidence: Array) -> Array:
    """float32[f] of who met items of these factors (float32[k, f]), each with its confidence (float64[k]).

    Hu, Koren and Volinsky, ICDM 2008, equation 4. ``gram`` (float64[f, f]) is positive definite, as regularised.
    """
    return _folded_in(gram, factors, np.arange(len(factors), dtype=np.int32), confidence)


def _folded_in(gram: Array, factors: Array, items: Array, confidence: Array) -> Array:
    """As ``folded_in``, of the rows ``items`` (int32[k]) of ``factors``."""
    if not len(items):
        return np.zeros(len(gram), np.float32)
    weighed, right = _weighed(factors, items, confidence)
    solution: Array = _solved(gram, weighed.T @ weighed, right)
    return solution


@kernel(*(TO_REALS(strengths, REAL) for strengths in (SINGLES, REALS)))
def confidences(strengths: Array, alpha: float) -> Array:
    """float64[k]: how sure we are that the shopper wants an item, at least 1; the same in training and serving."""
    sure = np.empty(len(strengths))
    for row in range(len(strengths)):
        sure[row] = 1.0 + alpha * np.log1p(np.float64(strengths[row]))
    return sure


@kernel(several(TO_SINGLE_ROWS, TO_REALS)(SINGLE_ROWS, INT32S, REALS))
def _weighed(factors: Array, items: Array, confidence: Array) -> tuple[Array, Array]:
    """The items' factors times the root of what their confidence is above 1 (float32[k, f]), and the sum of the factors
    times the confidence (float64[f])."""
    width = factors.shape[1]
    weighed, right = np.empty((len(items), width), np.float32), np.zeros(width)
    for place in range(len(items)):
        if place + AHEAD < len(items):
            for column in range(0, width, 16):
                fetch(factors, items[place + AHEAD] * width + column)
        factor, row, sure = factors[items[place]], weighed[place], confidence[place]
        root = np.float32(np.sqrt(sure - 1.0))
        for column in range(width):
            row[column] = factor[column] * root
            right[column] += sure * factor[column]
    return weighed, right


@kernel(TO_SINGLES(REAL_ROWS, SINGLE_ROWS, REALS), sums_in_any_order=True)
def _solved(gram: Array, more: Array, right: Array) -> Array:
    """x in (gram + more) x = right, by Cholesky's factor, a row after the other."""
    left, known = gram + more, right.copy()
    for row in range(len(left)):
        own = left[row]
        for column in range(row):
            other, rest = left[column], own[column]
            for place in range(column):
                rest -= own[place] * other[place]
            own[column] = rest * other[column]
        rest, value = own[row], known[row]
        for place in range(row):
            rest -= own[place] * own[place]
            value -= own[place] * known[place]
        own[row] = 1.0 / np.sqrt(rest)  # the factor's diagonal, upside down
        known[row] = value * own[row]
    for row in range(len(left) - 1, -1, -1):
        own = left[row]
        known[row] *= own[row]
        for place in range(row):
            known[place] -= known[row] * own[place]
    return known.astype(np.float32)


class AlsConfig(Settings):
    newcomers: float = Field(DEFAULT_PLACES, ge=0, le=0.5)
    """The share of the places, about, that goes to items that hardly anybody has met yet, by what is expected of them.
    0: they are not proposed."""


class AlsRecall:
    Config = AlsConfig
    reason = ReasonCode.SHOPPERS_LIKE_YOU

    def __init__(self, config: AlsConfig, bundle: Bundle) -> None:
        self.places = config.newcomers
        self.factors = factors_of(bundle)

    def recall(self, query: Query, limit: int) -> Recalled:
        shopper = self.factors.fold_in(query)
        if not shopper.any():
            return Recalled.none()
        return self.factors.best(shopper, limit, query.allowed, self.places)
