"""Whether scores tell true candidates from false ones, and what a score means as a probability.

LambdaRank's scores have an order and no unit. An isotonic map, fitted on a window that the ranker did not learn from,
turns them into the chance that the shopper goes for the candidate within the horizon.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.stats import rankdata

from endcap.bundle.events import Array

BINS = 10
_LEAST = 1e-6
"""Keeps the log loss of a certainty that was wrong finite."""


class Calibration(NamedTuple):
    """A non-decreasing map from score to probability: straight lines between knots, flat beyond them."""

    scores: Array  # float64[k], ascending
    probabilities: Array  # float64[k], in [0, 1], non-decreasing

    @staticmethod
    def fit(scores: Array, labels: Array) -> Calibration:
        """Pool adjacent violators: Zadrozny and Elkan, KDD 2002. NaN scores are left out; there must be others."""
        known = np.isfinite(scores)
        values, places = np.unique(scores[known].astype(np.float64), return_inverse=True)
        weights = np.bincount(places).astype(np.float64)
        means = np.bincount(places, labels[known]) / weights
        levels = isotonic_regression(means, weights=weights).x
        ends = np.flatnonzero(np.diff(levels))
        knots = np.unique(np.concatenate([[0], ends, ends + 1, [len(levels) - 1]]).astype(np.int64))
        return Calibration(values[knots], np.clip(levels[knots], 0.0, 1.0))

    def __call__(self, scores: Array) -> Array:
        """float64[n]; a score that is NaN gets the lowest probability."""
        known = np.nan_to_num(scores.astype(np.float64), nan=-np.inf)
        chances: Array = np.interp(known, self.scores, self.probabilities)
        return chances


def sigmoid(scores: Array) -> Array:
    """What a score would mean were it a log-odds: the map to compare with."""
    chances: Array = 1.0 / (1.0 + np.exp(-np.clip(scores.astype(np.float64), -500, 500)))
    return np.nan_to_num(chances, nan=0.0)


def auc(scores: Array, labels: Array) -> float:
    """The chance that a true candidate scores above a false one, ties half: Hanley and McNeil, Radiology 143, 1982.

    NaN where there are only true ones or only false ones.
    """
    ranks = rankdata(np.nan_to_num(scores.astype(np.float64), nan=-np.inf))
    positives = int(np.count_nonzero(labels))
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def auc_per_group(scores: Array, labels: Array, sizes: Array) -> float:
    """Mean AUC over the shoppers who have candidates of both kinds."""
    ends = np.cumsum(sizes)
    spans = zip(ends - sizes, ends, strict=True)
    values = np.array([auc(scores[start:end], labels[start:end]) for start, end in spans])
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def reliability(chances: Array, labels: Array) -> dict[str, Any]:
    """Expected calibration error over BINS bins of equally many candidates (Naeini, Cooper and Hauskrecht, AAAI 2015),
    Brier score, log loss, and per bin the mean chance, the share that came true, and how many there are."""
    order = np.argsort(chances, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    curve = [
        {"chance": float(chances[part].mean()), "came_true": float(labels[part].mean()), "candidates": len(part)}
        for part in bins
    ]
    gaps = [abs(bin_["chance"] - bin_["came_true"]) * bin_["candidates"] for bin_ in curve]
    safe = np.clip(chances, _LEAST, 1.0 - _LEAST)
    return {
        "expected_calibration_error": float(sum(gaps) / max(len(chances), 1)),
        "brier": float(np.mean((chances - labels) ** 2)),
        "log_loss": float(-np.mean(np.where(labels, np.log(safe), np.log1p(-safe)))),
        "curve": curve,
    }
