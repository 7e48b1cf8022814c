"""What BERT adds to the trees: weights learned on one half of the requests kept aside, and judged on the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from endcap.bundle.events import Array
from endcap.strategies.text.cross import Fusion, columns_of
from endcap.strategies.text.pairs import KINDS, Kind
from endcap.training.bert.lessons import Lessons, by_request
from endcap.training.evaluate.intervals import bootstrap_means, interval
from endcap.training.evaluate.metrics import ndcg
from endcap.training.evaluate.probability import Calibration, auc, auc_per_group, reliability, sigmoid

RIDGE = 1e-3
LEAST_REQUESTS = 20
"""Of a kind, with something chosen among the best: of fewer nothing is learned, and BERT is not asked."""


class Fused(NamedTuple):
    fusions: dict[Kind, Fusion]
    metrics: dict[str, Any]


class Heads(NamedTuple):
    """Requests of one kind: by request the trees' scores, BERT's logits and the labels of the best."""

    trees: list[Array]
    logits: list[Array]
    labels: list[Array]

    def take(self, rows: Array) -> Heads:
        return Heads(*([each[row] for row in rows] for each in self))

    @property
    def telling(self) -> Array:
        """Numbers of the requests that say which order is better."""
        return np.array([row for row, some in enumerate(self.labels) if np.ptp(some) > 0], np.int64)


def fuse(check: Lessons, logits: Array, seed: int) -> Fused:
    """``logits`` (float32[n]) are the exported ranker's of the pairs of ``check``, which nothing had learned from."""
    fusions: dict[Kind, Fusion] = {}
    metrics: dict[str, Any] = {}
    for number, kind in enumerate(KINDS):
        heads = _heads(check, logits, number)
        if len(heads.telling) < LEAST_REQUESTS:
            continue
        order = np.random.default_rng(seed).permutation(len(heads.labels))
        ours, theirs = (heads.take(np.sort(half)) for half in np.array_split(order, 2))
        fusion, calibration = fit(ours), _calibrated(ours)
        knots = {name: tuple(each.tolist()) for name, each in calibration._asdict().items()}
        fusions[kind] = fusion.model_copy(update=knots)
        metrics[kind] = {**judged(fusion, theirs, seed), **probabilities(ours, theirs, calibration)}
    return Fused(fusions, metrics)


def fit(heads: Heads) -> Fusion:
    """Weights by which what was chosen stands out among its own request's items: McFadden's conditional logit (1974),
    which no score's level, only its differences, can move."""
    rows = heads.telling
    columns = [columns_of(heads.trees[row], heads.logits[row]) for row in rows]
    spread = np.maximum(np.concatenate([each - each.mean(axis=0) for each in columns]).std(axis=0), 1e-9)
    shares = [heads.labels[row] / heads.labels[row].sum() for row in rows]

    def loss(weights: Array) -> float:
        total = 0.0
        for each, share in zip(columns, shares, strict=True):
            fused = each @ (weights / spread)
            fused = fused - fused.max()
            total += float(np.log(np.exp(fused).sum()) - share @ fused)
        return total / len(columns) + RIDGE * float(weights @ weights)

    tree, bert, rank = minimize(loss, np.array([1.0, 0.0, 0.0]), method="L-BFGS-B").x / spread
    return Fusion(tree=round(float(tree), 6), bert=round(float(bert), 6), rank=round(float(rank), 6))


def judged(fusion: Fusion, heads: Heads, seed: int) -> dict[str, Any]:
    """NDCG@10 of the best in the trees' order and in the fused, and the mean difference with its interval."""
    rows = heads.telling
    before = _ndcg([heads.labels[row] for row in rows])
    order = [np.argsort(-fusion(heads.trees[row], heads.logits[row]), kind="stable") for row in rows]
    after = _ndcg([heads.labels[row][places] for row, places in zip(rows, order, strict=True)])
    low, high = interval(bootstrap_means((after - before)[:, None], seed))
    return {
        "requests": len(rows),
        "weights": {"tree": fusion.tree, "bert": fusion.bert, "rank": fusion.rank},
        "head_ndcg@10": {"trees": _round(before.mean()), "fused": _round(after.mean())},
        "difference": {"mean": _round((after - before).mean()), "interval": [_round(low[0]), _round(high[0])]},
    }


def probabilities(ours: Heads, theirs: Heads, calibration: Calibration) -> dict[str, Any]:
    """AUC, log loss and calibration of BERT's word on the best of ``theirs``: as it comes, divided by a temperature
    (Guo et al., ICML 2017), and through an isotonic map, both fitted on ``ours``."""
    logits, labels = _flat(theirs)
    temperature, shift = fit_temperature(*_flat(ours))
    scaled = logits / temperature + shift
    sizes = np.array([len(each) for each in theirs.labels])
    trees = np.concatenate(theirs.trees)
    return {
        "auc": _round(auc(logits, labels)),
        "auc_per_request": _round(auc_per_group(logits, labels, sizes)),
        "auc_of_trees": _round(auc(trees, labels)),
        "temperature": _round(temperature),
        "as_it_comes": _short(reliability(sigmoid(logits), labels)),
        "temperature_scaled": _short(reliability(sigmoid(scaled), labels)),
        "isotonic": _short(reliability(calibration(logits), labels)),
    }


def fit_temperature(logits: Array, labels: Array) -> tuple[float, float]:
    """(temperature, shift) by maximum likelihood: Platt's two numbers. (1, 0) where BERT's word is worth nothing."""

    def loss(given: Array) -> float:
        scaled = logits * given[0] + given[1]
        return float(np.mean(np.logaddexp(0.0, scaled) - labels * scaled))

    slope, shift = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B").x
    return (1.0 / float(slope), float(shift)) if slope > 1e-3 else (1.0, 0.0)


def _heads(check: Lessons, logits: Array, kind: int) -> Heads:
    spans = [span for span, number in zip(by_request(check), check.kinds, strict=True) if number == kind]
    return Heads(*([each[span] for span in spans] for each in (check.trees, logits, check.labels)))


def _flat(heads: Heads) -> tuple[Array, Array]:
    """Logits (float64[n]), and whether chosen (bool[n]); what was judged counts from half of the best rating on."""
    return np.concatenate(heads.logits).astype(np.float64), np.concatenate(heads.labels) >= 0.5


def _calibrated(heads: Heads) -> Calibration:
    return Calibration.fit(*_flat(heads))


def _ndcg(labels: Sequence[Array]) -> Array:
    """float64[requests], among these very items."""
    values = [ndcg(each[None], np.sort(each)[::-1][None], 10)[0] for each in labels]
    return np.array(values)


def _short(found: dict[str, Any]) -> dict[str, float]:
    return {name: _round(value) for name, value in found.items() if name != "curve"}


def _round(value: float) -> float:
    return round(float(value), 4)
