"""A linear model without a hidden layer: Steck, "Embarrassingly Shallow Autoencoders", WWW 2019."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.training.baselines.contract import Baseline, Scores, grid
from endcap.training.baselines.matrix import only_positive, strengths, widened
from endcap.training.fit.ease import item_weights
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


EASE = Baseline(
    "ease",
    f"a linear item-to-item model of the {MOST_ITEMS:,} most bought items",
    _fit,
    grid(penalty=(100.0, 300.0, 1000.0)),
    cheaper={"most_items": 3000},
)
