"""Matrix factorisation for implicit feedback: Hu, Koren and Volinsky, ICDM 2008, as implicit fits it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from endcap.bundle.events import Array
from endcap.training.baselines.contract import Baseline, Scores
from endcap.training.baselines.matrix import bm25, learnable, only_positive, strengths, widened
from endcap.training.shop import Shop

FACTORS, ITERATIONS = 64, 15


def _fit(known: Shop, seed: int, weighting: str, alpha: float, regularization: float) -> Scores:
    from implicit.cpu.als import AlternatingLeastSquares

    columns = learnable(known)
    matrix = WEIGHTINGS[weighting](strengths(known)[:, columns].tocsr())
    with threadpool_limits(1, "blas"):  # implicit runs one solver a core; BLAS threads on top would fight them
        model = AlternatingLeastSquares(
            factors=FACTORS, iterations=ITERATIONS, alpha=alpha, regularization=regularization, random_state=seed
        )
        model.fit(matrix, show_progress=False)
    shoppers, items = np.asarray(model.user_factors), np.asarray(model.item_factors).T

    def scores(users: Array) -> Array:
        return widened(only_positive(shoppers[users] @ items), columns, len(known.item_ids))

    return scores


def _log(counts: csr_matrix) -> csr_matrix:
    counts.data = np.log1p(counts.data)
    return counts


WEIGHTINGS: dict[str, Callable[[csr_matrix], csr_matrix]] = {
    "count": lambda counts: counts,
    "log": _log,
    "bm25": lambda counts: bm25(counts, k1=100.0, b=0.8),
}
ALS = Baseline(
    "als",
    f"matrix factorisation with {FACTORS} factors",
    _fit,
    (
        {"weighting": "count", "alpha": 2.0, "regularization": 1.0},
        {"weighting": "log", "alpha": 1.0, "regularization": 10.0},
        {"weighting": "log", "alpha": 4.0, "regularization": 30.0},
        {"weighting": "bm25", "alpha": 0.1, "regularization": 1.0},
        {"weighting": "bm25", "alpha": 0.5, "regularization": 1.0},
    ),
)
