"""Nearest items by decayed co-occurrence in baskets, or in one day's visit where baskets are unknown."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from endcap.bundle.events import Array
from endcap.bundle.writer import PartWriter
from endcap.strategies.anchors import decay
from endcap.strategies.contract import SECONDS_PER_DAY
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.shop import Shop

HALF_LIFE_DAYS, NEIGHBOURS, SHRINK, LARGEST_TRIP, BLOCK = 120.0, 64, 3.0, 300, 2048


def _covisit(shop: Shop, part: PartWriter, context: Context) -> None:
    trips = trip_matrix(shop)
    size = len(shop.item_ids)
    near, similar = np.full((size, NEIGHBOURS), -1, np.int32), np.zeros((size, NEIGHBOURS), np.float32)
    norms = np.sqrt(np.asarray(trips.multiply(trips).sum(axis=0)).ravel())
    by_item = trips.T.tocsr()
    for start in range(0, size, BLOCK):
        context.progress("item to item", start, size)
        block = (by_item[start : start + BLOCK] @ trips).tocoo()
        _keep_nearest(block, start, norms, near, similar)
    part.arrays({"neighbours": near, "similarities": similar})


def trip_matrix(shop: Shop) -> csr_matrix:
    """Trips by items, float32: the square root of a trip's decayed weight, so that a product of two holds it once."""
    log = shop.log
    trips = trip_numbers(shop)
    ages_s = shop.data_end - log.times
    sizes = np.bincount(trips)
    keep = sizes[trips] <= LARGEST_TRIP  # a wholesaler's trip says nothing of what goes with what
    weights = np.sqrt(decay(ages_s, HALF_LIFE_DAYS) / np.log2(1.0 + sizes[trips]))
    shape = (len(sizes), len(shop.item_ids))
    matrix = csr_matrix((weights[keep].astype(np.float32), (trips[keep], log.items[keep])), shape)
    matrix.sum_duplicates()
    return matrix


def trip_numbers(shop: Shop) -> Array:
    """int64[m]: events of one shopper and one basket, or one day, share a number."""
    log = shop.log
    if not len(log):
        return np.empty(0, np.int64)
    keys = np.where(log.baskets >= 0, log.baskets, -1 - log.times // int(SECONDS_PER_DAY))
    changes = (keys[1:] != keys[:-1]) | (shop.users[1:] != shop.users[:-1])
    return np.cumsum(np.concatenate([[0], changes]))


def _keep_nearest(block: csr_matrix, start: int, norms: Array, near: Array, similar: Array) -> None:
    """Write the nearest of a block of items. Shrunk cosine: one shared trip of rare items is no certainty."""
    rows, columns = block.row, block.col
    values = block.data / (norms[rows + start] * norms[columns] + SHRINK)
    keep = np.flatnonzero((columns != rows + start) & (values > 1e-4))
    keep = keep[np.lexsort((columns[keep], -values[keep], rows[keep]))]
    rows, columns, values = rows[keep], columns[keep], values[keep]
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    best = places < near.shape[1]
    near[rows[best] + start, places[best]] = columns[best]
    similar[rows[best] + start, places[best]] = values[best]


covisit = Fitter(_covisit)
