"""Three ways to learn an order from few searches, and which of them to take.

A weighted sum starts from the fixed fusion's weights, which it leaves only as far as the lessons insist, and never
lets a likeness count against an item: RankNet's pairwise loss (Burges et al., ICML 2005) with each pair weighted by its
difference in gain, ridge towards those weights. LambdaRank's trees (Burges, MSR-TR-2010-82) are small and may only rise
with a likeness. Or the mean of both. Cross-validation by search chooses; deterministic for one seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import lightgbm
import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from endcap.bundle.events import Array
from endcap.bundle.writer import PartWriter
from endcap.training.evaluate.metrics import ndcg
from endcap.training.search.lessons import Lessons

START = {
    "text.query_cosine": 2.0,
    "query.feedback_cosine": 1.0,
    "query.neighbour_cosine": 1.4,
    "query.bm25": 0.4,
    "query.bm25_title": 0.2,
    "query.coverage": 0.2,
    "query.title_coverage_idf": 0.2,
    "query.title_phrase": 0.2,
    "query.brand": 0.2,
    "query.model": 0.4,
    "query.numbers": 0.2,
    "item.popularity": 0.2,
    "shopper_item.weight_120d": 0.2,
    "shopper_category.weight_120d": 0.1,
    "shopper_line.weight_120d": 0.1,
}
"""Where the weighted sum starts, a column's standard deviation each; it reads no other columns."""
RIDGE = 3.0
SMALL = {"num_leaves": 4, "min_data_in_leaf": 30, "learning_rate": 0.05}
LARGE = {"num_leaves": 15, "min_data_in_leaf": 60, "learning_rate": 0.05}
TREES, LARGE_TREES, LARGE_FROM = 80, 200, 20_000
"""Many lessons (of so many rows) are worth more and larger trees."""
MOST_SUMMED = 2_000
"""The weighted sum learns from at most so many searches: it has a dozen numbers to find."""
FOLDS, CUT = 5, 10
LEAST_SEARCHES = 10
"""Of fewer searches only the weighted sum is learned: there is nothing to choose by."""
NEAR = 0.002
"""What the simpler of two ways may be worse by, in NDCG@10, and still be taken."""

Scores = Callable[[Array], Array]


@dataclass(frozen=True)
class Summed:
    places: Array
    means: Array
    scales: Array
    weights: Array

    def __call__(self, rows: Array) -> Array:
        standard = np.nan_to_num((rows[:, self.places].astype(np.float64) - self.means) / self.scales)
        total: Array = standard @ self.weights
        return total


@dataclass(frozen=True)
class Ranker:
    """``linear`` times the sum and ``trees`` times the forest's score."""

    columns: tuple[str, ...]
    summed: Summed
    booster: lightgbm.Booster | None
    linear: float
    trees: float

    def __call__(self, rows: Array) -> Array:
        total: Array = self.linear * self.summed(rows)
        if self.booster is not None and len(rows):
            total = total + self.trees * _scores(self.booster)(rows)
        return total

    def write(self, part: PartWriter, among_recalled: bool = False) -> None:
        """``among_recalled``: the lessons were what recall proposes, as when serving, not pools that people chose."""
        part.json("ranker", {**self._content(), "among_recalled": among_recalled})
        if self.booster is not None:
            text = self.booster.model_to_string()
            (part.folder / "model.txt").write_text(text[: text.index("\nparameters:")] + "\n", encoding="utf-8")

    def _content(self) -> dict[str, Any]:
        summed = self.summed
        weighted = {
            "columns": [self.columns[place] for place in summed.places.tolist()],
            "means": summed.means.tolist(),
            "scales": summed.scales.tolist(),
            "weights": summed.weights.tolist(),
        }
        return {"columns": list(self.columns), "weighted": weighted, "linear": self.linear, "trees": self.trees}


class Choice(NamedTuple):
    ranker: Ranker
    way: str
    validated: dict[str, float]
    """Mean NDCG@10 by way, over the searches of folds that it did not learn from; empty where too few were there."""


def choose(lessons: Lessons, seed: int) -> Choice:
    """The best way by cross-validation, learned from all lessons. There must be at least one telling group."""
    with threadpool_limits(1):  # the same sums whatever the number of cores
        return _choose(lessons, seed)


def _choose(lessons: Lessons, seed: int) -> Choice:
    if len(lessons.telling) < LEAST_SEARCHES:
        return Choice(fit_ranker(lessons, "sum", seed), "sum", {})
    validated = {way: round(float(cross_validated(lessons, way, seed).mean()), 4) for way in WAYS}
    best = max(validated.values())
    way = next(way for way in WAYS if validated[way] >= best - NEAR)
    return Choice(fit_ranker(lessons, way, seed), way, validated)


WAYS = ("sum", "both", "trees")
"""The simpler ones first."""


def cross_validated(lessons: Lessons, way: str, seed: int) -> Array:
    """float64[k]: NDCG@10 of each telling group by a ranker that never saw it, in the order of the groups."""
    telling = lessons.telling
    values = np.zeros(len(telling))
    for learned, asked in folds(lessons, seed):
        ranker = fit_ranker(lessons.rows(learned), way, seed)
        held = np.isin(telling, asked)
        values[held] = quality(lessons.rows(asked), ranker)
    return values


def folds(lessons: Lessons, seed: int, count: int = FOLDS) -> Iterator[tuple[Array, Array]]:
    """Groups to learn from and telling groups to ask, ``count`` times; each telling group is asked once."""
    telling = np.random.default_rng(seed).permutation(lessons.telling)
    for fold in range(count):
        asked = np.sort(telling[fold::count])
        yield np.setdiff1d(np.arange(lessons.size), asked), asked


def quality(lessons: Lessons, scores: Scores) -> Array:
    """float64[groups]: NDCG@10 of each group, ties by item number; 1 where all of its gains are 0."""
    found = scores(lessons.features)
    values = np.ones(lessons.size)
    for group in range(lessons.size):
        rows = np.flatnonzero(lessons.groups == group)
        gains = lessons.gains[rows]
        if gains.any():
            order = np.lexsort((lessons.items[rows], -found[rows]))
            values[group] = ndcg(gains[order][None], np.sort(gains)[::-1][None], CUT)[0]
    return values


def fit_ranker(lessons: Lessons, way: str, seed: int) -> Ranker:
    summed = fit_sum(lessons, seed)
    booster = None if way == "sum" else fit_trees(lessons, seed)
    linear = 0.0 if way == "trees" else 1.0 / _spread(lessons, summed)
    trees = 0.0 if booster is None else 1.0 / _spread(lessons, _scores(booster))
    return Ranker(lessons.columns, summed, booster, linear, trees)


def _scores(booster: lightgbm.Booster) -> Scores:
    return lambda rows: np.asarray(booster.predict(rows, num_threads=1), np.float64)


def _spread(lessons: Lessons, scores: Scores) -> float:
    """The mean standard deviation of the scores within a group, so that two ways count alike."""
    found = scores(lessons.features)
    sizes = np.maximum(np.bincount(lessons.groups), 1)
    means = np.bincount(lessons.groups, found) / sizes
    spread = np.sqrt(np.bincount(lessons.groups, (found - means[lessons.groups]) ** 2) / sizes)
    return max(float(spread.mean()), 1e-9)


def fit_sum(lessons: Lessons, seed: int) -> Summed:
    """Weights of at least 0 for the columns in START that say anything in these lessons."""
    places = np.array([place for place, name in enumerate(lessons.columns) if name in START], np.int64)
    values = lessons.features[:, places].astype(np.float64)
    known = ~np.isnan(values)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, values, 0).sum(axis=0) / counts
    scales = np.sqrt(np.where(known, (values - means) ** 2, 0).sum(axis=0) / counts)
    scales[scales == 0] = 1.0
    better, worse, weight = _pairs(lessons, seed)
    standard = np.nan_to_num((values - means) / scales)
    start = np.array([START[lessons.columns[place]] for place in places])
    weights = _ridge(standard[better] - standard[worse], weight, start)
    return Summed(places, means, scales, weights)


def _ridge(differences: Array, weight: Array, start: Array) -> Array:
    def loss(weights: Array) -> tuple[float, Array]:
        margin = differences @ weights
        away = weights - start
        value = float(weight @ np.logaddexp(0, -margin) + RIDGE / 2 * away @ away)
        slope = RIDGE * away - (weight / (1 + np.exp(np.minimum(margin, 500)))) @ differences
        return value, slope

    found: Array = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start)).x
    return found


def _pairs(lessons: Lessons, seed: int) -> tuple[Array, Array, Array]:
    """Rows of the better and the worse item of each pair, and the pair's weight; a group's weights add up to 1."""
    telling = lessons.telling
    if len(telling) > MOST_SUMMED:
        telling = np.sort(np.random.default_rng(seed).choice(telling, MOST_SUMMED, replace=False))
    better, worse, weight = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
    for group in telling:
        rows = np.flatnonzero(lessons.groups == group)
        gains = lessons.gains[rows]
        first, second = np.nonzero(gains[:, None] > gains[None, :])
        differences = gains[first] - gains[second]
        better.append(rows[first])
        worse.append(rows[second])
        weight.append(differences / differences.sum())
    return np.concatenate(better), np.concatenate(worse), np.concatenate(weight)


def fit_trees(lessons: Lessons, seed: int) -> lightgbm.Booster:
    levels, labels = np.unique(lessons.gains, return_inverse=True)
    large = len(labels) >= LARGE_FROM
    parameters = {
        **(LARGE if large else SMALL),
        "objective": "lambdarank",
        "label_gain": ",".join(f"{level:g}" for level in levels),
        "lambdarank_truncation_level": 20,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "max_bin": 63,
        "monotone_constraints": [int(name in START) for name in lessons.columns],
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
        "num_threads": 1,
        "seed": seed,
    }
    data = lightgbm.Dataset(lessons.features, labels, group=np.bincount(lessons.groups), params=parameters)
    return lightgbm.train(parameters, data, LARGE_TREES if large else TREES)
