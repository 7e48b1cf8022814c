"""Items that the same shoppers bought: nearest neighbours by cosine or by BM25 weights, summed over a shopper's own."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix, diags

from endcap.bundle.events import Array
from endcap.training.baselines.contract import Baseline, Scores, grid
from endcap.training.baselines.matrix import bm25, learnable, only_positive, strengths, widened
from endcap.training.shop import Shop


def _bm25(known: Shop, seed: int, neighbours: int, k1: float, b: float) -> Scores:
    columns = learnable(known)
    weights = bm25(strengths(known)[:, columns].tocsr(), k1, b)
    return _scores(known, columns, weights, weights, neighbours)


def _cosine(known: Shop, seed: int, neighbours: int, damped: bool) -> Scores:
    columns = learnable(known)
    counts = strengths(known)[:, columns].tocsr()
    if damped:
        counts.data = np.log1p(counts.data)
    norms = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=0)).ravel())
    unit = (counts @ diags(1.0 / np.maximum(norms, 1e-9))).tocsr()
    return _scores(known, columns, counts, unit, neighbours)


def _scores(known: Shop, columns: Array, shoppers: csr_matrix, weights: csr_matrix, neighbours: int) -> Scores:
    """``shoppers`` weighs what a shopper's items say; likeness is the product of two columns of ``weights``."""
    from implicit.nearest_neighbours import all_pairs_knn

    near = all_pairs_knn(weights.astype(np.float64), neighbours, show_progress=False).tocsr().astype(np.float32)

    def scores(users: Array) -> Array:
        return widened(only_positive((shoppers[users] @ near).toarray()), columns, len(known.item_ids))

    return scores


BM25 = Baseline(
    "bm25",
    "item neighbours by BM25",
    _bm25,
    grid(neighbours=(100,), k1=(1.2, 10.0, 100.0), b=(0.5, 0.9)),
)
COSINE = Baseline(
    "cosine",
    "item neighbours by cosine",
    _cosine,
    grid(neighbours=(20, 100), damped=(True, False)),
)
