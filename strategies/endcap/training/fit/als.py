"""Item factors by implicit's alternating least squares on decayed, damped event weights."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from endcap.bundle.events import Array
from endcap.bundle.writer import PartWriter
from endcap.strategies.anchors import decay
from endcap.strategies.recall.als import confidences
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.shop import Shop

FACTORS, ITERATIONS, REGULARIZATION = 64, 12, 0.1
ALPHA, HALF_LIFE_DAYS, MOST_ITEMS = 4.0, 120.0, 1000

LEAST_SHOPPERS = 2
"""An item that one shopper went for has a factor, but nothing that another shopper could share: it is not proposed."""


def _als(shop: Shop, part: PartWriter, context: Context) -> None:
    matrix = confidence_matrix(shop)
    factors = item_factors(matrix, context.config.training.seed)
    gram = factors.T.astype(np.float64) @ factors + REGULARIZATION * np.eye(FACTORS)
    proposable = np.flatnonzero(np.asarray(matrix.getnnz(axis=0)).ravel() >= LEAST_SHOPPERS).astype(np.int32)
    part.arrays({"item_factors": factors, "gram": gram, "proposable": proposable, "proposals": factors[proposable]})
    part.json("als", {"alpha": ALPHA, "half_life_days": HALF_LIFE_DAYS, "most_items": MOST_ITEMS})


def confidence_matrix(shop: Shop) -> csr_matrix:
    """Shoppers by items, float32; decayed as of the cut-off, exactly as a shopper is folded in at request time."""
    strengths = shop.log.weights * decay(shop.data_end - shop.log.times, HALF_LIFE_DAYS)
    shape = (len(shop.user_ids), len(shop.item_ids))
    matrix = csr_matrix((strengths, (shop.users, shop.log.items)), shape)
    matrix.sum_duplicates()
    matrix.data = confidences(matrix.data, ALPHA).astype(np.float32)
    return matrix


def item_factors(matrix: csr_matrix, seed: int) -> Array:
    """float32[items, FACTORS]; zeros for an item without events, so that it is never proposed for its noise."""
    from implicit.cpu.als import AlternatingLeastSquares

    with threadpool_limits(1, "blas"):  # implicit runs one solver a core; BLAS threads on top would fight them
        model = AlternatingLeastSquares(
            factors=FACTORS, iterations=ITERATIONS, regularization=REGULARIZATION, random_state=seed
        )
        model.fit(matrix, show_progress=False)
    factors = np.array(model.item_factors, np.float32)
    factors[np.asarray(matrix.getnnz(axis=0)) == 0] = 0.0
    return factors


als = Fitter(_als, needs_events=True)
