"""A linear model of the most bought items: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019."""

from __future__ import annotations

import numpy as np
from scipy import linalg
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from endcap.bundle.events import Array
from endcap.bundle.writer import PartWriter
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.shop import Shop

PENALTY = 300.0
MOST_ITEMS = 4000
"""Those of the most shoppers. Time grows with the cube of it: a second or two here."""
STRONGEST = 100
"""Weights kept of each item, of either sign."""
MOST_SHOPPERS = 100_000
"""Of a larger shop as many are drawn: what goes with what is known long before."""
BUSY_SHARE = 0.1
"""A shopper with more of the items than this share is multiplied densely, which is then quicker."""
BLOCK = 2048


def _ease(shop: Shop, part: PartWriter, context: Context) -> None:
    bought = buyers(shop, context.config.training.seed)
    counts = np.asarray(bought.getnnz(axis=0)).ravel()
    items = np.sort(np.lexsort((np.arange(len(counts)), -counts))[:MOST_ITEMS])
    items = items[counts[items] > 0]
    with threadpool_limits(1, "blas"):  # equal weights to the last bit, however many cores there are
        targets, weights = strongest(item_weights(gram_of(bought[:, items].tocsr(), context), PENALTY))
    places = np.full(len(counts), -1, np.int32)
    places[items] = np.arange(len(items))
    part.arrays({"items": items.astype(np.int32), "places": places, "targets": targets, "weights": weights})


def buyers(shop: Shop, seed: int) -> csr_matrix:
    """Shoppers by items, float32: 1 where the shopper had any event with the item."""
    shape = (len(shop.user_ids), len(shop.item_ids))
    matrix = csr_matrix((np.ones(len(shop.log), np.float32), (shop.users, shop.log.items)), shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    active = np.flatnonzero(matrix.getnnz(axis=1))
    if len(active) > MOST_SHOPPERS:
        active = np.sort(np.random.default_rng(seed).choice(active, MOST_SHOPPERS, replace=False))
    return matrix[active]


def gram_of(bought: csr_matrix, context: Context) -> Array:
    """float32[k, k]: how many shoppers had both items."""
    size = bought.shape[1]
    busy = bought.getnnz(axis=1) > BUSY_SHARE * size
    sparse = bought[~busy]
    gram: Array = (sparse.T @ sparse).toarray().astype(np.float32)
    rows = np.flatnonzero(busy)
    for start in range(0, len(rows), BLOCK):
        context.progress("linear model", start, len(rows))
        block = bought[rows[start : start + BLOCK]].toarray()
        gram += block.T @ block
    return gram


def item_weights(gram: Array, penalty: float) -> Array:
    """float32[k, k] with a diagonal of 0, of which column j predicts item j from the others; ``gram`` is spent."""
    if not len(gram):
        return gram
    gram[np.diag_indices(len(gram))] += penalty
    lower = linalg.cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
    inverse, _ = linalg.lapack.spotri(lower, lower=1, overwrite_c=1)
    inverse = np.tril(inverse)
    inverse += np.tril(inverse, -1).T
    weights: Array = inverse / -np.diag(inverse)
    weights[np.diag_indices(len(weights))] = 0.0
    return weights


def strongest(weights: Array) -> tuple[Array, Array]:
    """int32[k, m] columns, ascending, and float32[k, m]: of each row the ``STRONGEST`` weights by size."""
    kept = min(STRONGEST, weights.shape[1])
    columns = np.argpartition(-np.abs(weights), kept - 1, axis=1)[:, :kept] if kept else np.empty(weights.shape, int)
    columns.sort(axis=1)
    return columns.astype(np.int32), np.take_along_axis(weights, columns, axis=1)


ease = Fitter(_ease, needs_events=True)
