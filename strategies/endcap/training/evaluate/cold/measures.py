"""Hit rate, recall and NDCG of cold lists, how sure they are, and by how many times one is above another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from endcap.bundle.events import Array
from endcap.training.evaluate.intervals import bootstrap_means, interval
from endcap.training.evaluate.metrics import binary_ideal, hit_rate, ndcg, recall
from endcap.training.evaluate.truth import Truth

METRICS = ("hit_rate@20", "recall@20", "ndcg@10")
Values = Mapping[str, Array]
"""float64[rows] by metric."""


def measured(slates: Array, truth: Truth) -> Values:
    """Of lists (int32[rows, 20]) for shoppers each of whom has something true."""
    hits, sizes = truth.hits(slates), truth.sizes
    return {
        "hit_rate@20": hit_rate(hits, 20),
        "recall@20": recall(hits, sizes, 20),
        "ndcg@10": ndcg(hits, binary_ideal(sizes, 10), 10),
    }


def summary(values: Values, seed: int) -> dict[str, Any]:
    """Means and their 95 % intervals."""
    if not len(values[METRICS[0]]):
        return {}
    low, high = interval(bootstrap_means(np.column_stack([values[name] for name in METRICS]), seed))
    means = {name: float(values[name].mean()) for name in METRICS}
    return {**means, "intervals": {name: [float(low[n]), float(high[n])] for n, name in enumerate(METRICS)}}


def compared(one: Values, other: Values, seed: int) -> dict[str, Any]:
    """By metric how far the mean of ``one`` is ahead, and how many times that of ``other`` it is, both with intervals
    over the same draws of shoppers. A ratio is None where the other's mean may be 0."""
    found: dict[str, Any] = {}
    for name in METRICS if len(one[METRICS[0]]) else ():
        pair = np.column_stack([one[name], other[name]])
        means, draws = pair.mean(axis=0), bootstrap_means(pair, seed)
        ends = interval((draws[:, 0] - draws[:, 1])[:, None])[:, 0]
        times: dict[str, Any] = {"ratio": None, "ratio_interval": None}
        if (draws[:, 1] > 0).all():
            ratios = interval((draws[:, 0] / draws[:, 1])[:, None])[:, 0]
            times = {"ratio": float(means[0] / means[1]), "ratio_interval": ratios.tolist()}
        found[name] = {"difference": float(means[0] - means[1]), "interval": ends.tolist(), **times}
    return found
