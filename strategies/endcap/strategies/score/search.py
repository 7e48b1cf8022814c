"""The order of a search: what was learned from judgments or clicks, or a fixed sum of likenesses where nothing was.

The learned part is a weighted sum of columns, LightGBM's trees, or both; which of them, training chose by
cross-validation. What it did not learn from (what sells, what this shopper buys) leans on the order gently, never by
more than a share of the scores' spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, Part
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import (
    INT,
    REAL,
    REALS,
    SINGLE_ROWS,
    SINGLES,
    TO_SINGLE_ROWS,
    TO_SINGLES,
    compiled,
    kernel,
    several,
)
from endcap.strategies.contract import Query, Settings
from endcap.strategies.merge import vote
from endcap.strategies.score.forest import Forest
from endcap.strategies.score.linear import Linear, LinearConfig
from endcap.strategies.score.quick import QuickScorer

PART = "search_ranker"


class SearchScorerConfig(Settings):
    model: str = PART
    """The bundle part that holds ``ranker.json`` and, where trees were learned, ``model.txt``."""
    weights: dict[str, float] = Field(min_length=1)
    """The fixed sum, of columns standardised over the candidates, where the bundle lacks that part."""
    prior: dict[str, float] = Field(default_factory=dict)
    """Columns that lean on the order where nothing was learned of them: a value x (0 or above) adds ``weight`` times
    x / (1 + x) of the scores' standard deviation."""
    agreement: float = Field(default=4.0, ge=0)
    """How much it counts, in the scores' standard deviations, that several sources proposed an item and how early:
    reciprocal rank fusion (see endcap.strategies.merge). It tells nothing of the items of a caller's own list, and is
    left out where the ranker learned among recalled items: it has seen what each source is worth."""
    sources: tuple[str, ...] = ("lexical", "text")


@dataclass(frozen=True)
class Weighted:
    """A sum of columns, standardised as they were in training; one that is unknown adds nothing."""

    places: Array
    """int[k]: which of the ranker's columns."""
    means: Array
    scales: Array
    weights: Array

    @staticmethod
    def read(content: Mapping[str, Any], columns: tuple[str, ...]) -> Weighted:
        places = np.array([columns.index(name) for name in content["columns"]], np.int64)
        means, scales, weights = (np.array(content[key], np.float64) for key in ("means", "scales", "weights"))
        return Weighted(places, means, scales, weights)

    def parts(self, rows: Array) -> Array:
        """float64[n, columns of the ranker]."""
        parts = np.zeros(rows.shape)
        parts[:, self.places] = np.nan_to_num((rows[:, self.places] - self.means) / self.scales) * self.weights
        return parts


class Learned:
    """What training wrote: the score is ``linear`` times the sum plus ``trees`` times the forest's score."""

    def __init__(self, part: Part) -> None:
        content: dict[str, Any] = part.json("ranker")
        self.requires = tuple(content["columns"])
        self.weighted = Weighted.read(content["weighted"], self.requires)
        self.linear, self.trees = float(content["linear"]), float(content["trees"])
        self.among_recalled = bool(content["among_recalled"])
        self.quick = QuickScorer.of(_forest(part)) if self.trees else None

    def moved(self, rows: Array) -> tuple[Array, Array]:
        """float32[n, k], how much each column moved each score, and the scores (float32[n]); the columns required are
        the first of ``rows``."""
        rows = np.ascontiguousarray(rows[:, : len(self.requires)])
        parts = self.linear * self.weighted.parts(rows)
        if self.quick is not None:
            parts = parts + self.trees * self.quick.contributions(rows)
        return np.asarray(parts, np.float32), self.scores(rows)

    def scores(self, rows: Array) -> Array:
        """float32[n]; as ``moved``."""
        rows = np.ascontiguousarray(rows[:, : len(self.requires)])
        total = self.linear * self.weighted.parts(rows).sum(axis=1)
        if self.quick is not None:
            total = total + self.trees * self.quick.scores(rows)
        return np.asarray(total, np.float32)


def _forest(part: Part) -> Forest:
    return Forest.parse(part.file("model.txt").read_text(encoding="utf-8"))


_NEGLIGIBLE = 1e-9


@compiled
def _deviation(values: Array) -> float:
    """The standard deviation, summed in float64."""
    mean, squares = 0.0, 0.0
    for value in values:
        mean += value
    mean /= max(len(values), 1)
    for value in values:
        squares += (value - mean) ** 2
    return float(np.sqrt(squares / max(len(values), 1)))


@compiled
def _scale(values: Array) -> float:
    """The standard deviation; 1 where all are alike, so that anything else decides."""
    deviation = _deviation(values)
    return deviation if deviation > 0 else 1.0


@compiled
def _centred(given: Array) -> Array:
    """float64[n, ranks], each column less its mean; NaN is 0."""
    votes = np.empty((len(given), given.shape[1]))
    for source in range(votes.shape[1]):
        total = 0.0
        for row in range(len(votes)):
            own = given[row, source]
            votes[row, source] = 0.0 if np.isnan(own) else own
            total += votes[row, source]
        votes[:, source] -= total / len(votes)
    return votes


class SearchScorer:
    Config = SearchScorerConfig

    def __init__(self, config: SearchScorerConfig, bundle: Bundle) -> None:
        self.config = config
        known = bundle.has(config.model)
        self.base: Learned | Linear = (
            Learned(bundle.part(config.model)) if known else Linear(LinearConfig(weights=config.weights), bundle)
        )
        unlearned = {name: weight for name, weight in config.prior.items() if name not in self.base.requires}
        self.leaning, self.weights = tuple(unlearned), np.array(list(unlearned.values()), np.float64)
        told = isinstance(self.base, Learned) and self.base.among_recalled
        self.ranks = () if told else tuple(f"{source}.rank" for source in config.sources)
        self.requires = (*self.base.requires, *self.leaning, *self.ranks)

    def score(self, query: Query, candidates: Candidates) -> Array:
        rows = candidates.matrix(self.requires)
        return self._leaned(rows, self.base.scores(rows))[1]

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        rows = candidates.matrix(self.requires)
        parts, scores = self.base.moved(rows)
        return np.hstack([parts, self._leaned(rows, scores)[0]])

    def _leaned(self, rows: Array, scores: Array) -> tuple[Array, Array]:
        """float32[n, leanings + ranks], what was not learned adds on the scale of these scores, and float32[n], what
        the scores are with it."""
        votes = vote(rows[:, rows.shape[1] - len(self.ranks) :])
        leaned: tuple[Array, Array] = _lean(
            scores, rows, len(self.base.requires), self.weights, votes, self.config.agreement
        )
        return leaned


@kernel(several(TO_SINGLE_ROWS, TO_SINGLES)(SINGLES, SINGLE_ROWS, INT, REALS, SINGLE_ROWS, REAL))
def _lean(
    scores: Array, values: Array, first: int, weights: Array, given: Array, agreement: float
) -> tuple[Array, Array]:
    """Of ``values`` the columns from ``first`` on lean by ``weights``; ``given`` (float32[n, ranks]) are votes, NaN for
    none. Added up, votes get ``agreement`` times the scores' standard deviation; what leans is on the scale of both."""
    rows, leanings, sources = len(scores), len(weights), given.shape[1]
    votes = _centred(given)
    totals = np.zeros(rows)
    for row in range(rows):
        totals[row] = votes[row].sum()
    spread = _deviation(totals)
    votes *= _scale(scores) * agreement / spread if spread > _NEGLIGIBLE else 0.0
    for row in range(rows):
        totals[row] = scores[row] + votes[row].sum()
    scale, leaned = _scale(totals), np.empty(rows, np.float32)
    added = np.empty((rows, leanings + sources), np.float32)
    for row in range(rows):
        more = np.float32(0.0)
        for place in range(leanings + sources):
            if place < leanings:
                value = values[row, first + place]
                value = value if value > 0 else np.float32(0.0)  # NaN too
                added[row, place] = scale * weights[place] * value / (1.0 + value)
            else:
                added[row, place] = votes[row, place - leanings]
            more += added[row, place]
        leaned[row] = scores[row] + more
    return added, leaned
