"""A linear model without a hidden layer: Steck, "Embarrassingly Shallow Autoencoders", WWW 2019."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from endcap.bundle.events import Array
from endcap.training.baselines.contract import Baseline, Scores, grid
from endcap.training.baselines.matrix import only_positive, strengths, widened
from endcap.training.shop import Shop

MOST_ITEMS = 8000
"""The most bought; the inverse of a larger matrix would take minutes and gigabytes."""


def _fit(known: Shop, seed: int, penalty: float, most_items: int = MOST_ITEMS) -> Scores:
    counts = strengths(known)
    totals = np.asarray(counts.sum(axis=0)).ravel()
    columns = np.sort(np.lexsort((np.arange(len(totals)), -totals))[:most_items])
    columns = columns[totals[columns] > 0]
    bought = counts[:, columns].tocsr()
    bought.data[:] = 1.0
    weights = item_weights((bought.T @ bought).toarray().astype(np.float32), penalty)

    def scores(users: Array) -> Array:
        return widened(only_positive(bought[users] @ weights), columns, len(known.item_ids))

    return scores


def item_weights(gram: Array, penalty: float) -> Array:
    """float32[k, k] with a diagonal of 0, of which column j predicts item j from the others; ``gram`` is spent."""
    gram[np.diag_indices(len(gram))] += penalty
    lower = linalg.cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
    inverse, _ = linalg.lapack.spotri(lower, lower=1, overwrite_c=1)
    inverse = np.tril(inverse)
    inverse += np.tril(inverse, -1).T
    weights: Array = inverse / -np.diag(inverse)
    weights[np.diag_indices(len(weights))] = 0.0
    return weights


EASE = Baseline(
    "ease",
    f"a linear item-to-item model of the {MOST_ITEMS:,} most bought items",
    _fit,
    grid(penalty=(100.0, 300.0, 1000.0)),
    cheaper={"most_items": 3000},
)
