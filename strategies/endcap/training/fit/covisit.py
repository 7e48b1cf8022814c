"""Nearest items by decayed co-occurrence in baskets, or in one day's visit where baskets are unknown."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from endcap.bundle.events import Array
from endcap.bundle.writer import PartWriter
from endcap.strategies.anchors import decay
from endcap.strategies.hydrate.groups import trip_keys
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
    size = len(shop.item_ids)
    numbers = trip_numbers(shop)
    trips, items = np.divmod(np.unique(numbers * size + shop.log.items), size)  # an item counts once a trip
    sizes = np.bincount(trips)
    last = np.zeros(len(sizes), np.int64)
    last[numbers] = shop.log.times  # a shopper's log runs by time: of several writes the newest stays
    weights = np.sqrt(decay(shop.data_end - last, HALF_LIFE_DAYS) / np.log2(1.0 + sizes)).astype(np.float32)
    keep = sizes[trips] <= LARGEST_TRIP  # a wholesaler's trip says nothing of what goes with what
    return csr_matrix((weights[trips[keep]], (trips[keep], items[keep])), (len(sizes), size))


def trip_numbers(shop: Shop) -> Array:
    """int64[m], from 0: events of one shopper and one basket, or one day where baskets are unknown, share a number."""
    keys = trip_keys(shop.log)
    order = np.lexsort((keys, shop.users))
    keys, users = keys[order], shop.users[order]
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum((np.diff(keys, prepend=keys[:1]) != 0) | (np.diff(users, prepend=users[:1]) != 0))
    return numbers


def _keep_nearest(block: csr_matrix, start: int, norms: Array, near: Array, similar: Array) -> None:
    """Write the nearest of a block of items. Shrunk cosine: one shared trip of rare items is no certainty."""
    values = (block.data / (norms[block.row + start] * norms[block.col] + SHRINK)).astype(np.float32)
    keep = np.flatnonzero((block.col != block.row + start) & (values > 1e-4))
    rows, columns, values = block.row[keep], block.col[keep], values[keep]
    order = np.argsort(_keys(rows, columns, values, len(norms)))
    rows, columns, values = rows[order], columns[order], values[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    places = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    best = places < near.shape[1]
    near[rows[best] + start, places[best]] = columns[best]
    similar[rows[best] + start, places[best]] = values[best]


def _keys(rows: Array, columns: Array, values: Array, size: int) -> Array:
    """int64[k] that sort by row, then value downwards, then column: one sort of numbers is quicker than a lexsort.

    The bits of a positive float32 order as it does. Where a catalog is so large that they do not all fit beside the
    column, values that differ in their last bits alone count as equal.
    """
    column_bits, row_bits = size.bit_length(), BLOCK.bit_length()
    lost = max(row_bits + 31 + column_bits - 63, 0)
    falling = (np.int64(0x7FFFFFFF) - values.view(np.int32)) >> lost
    keys: Array = (rows.astype(np.int64) << (31 - lost + column_bits)) | (falling << column_bits) | columns
    return keys


covisit = Fitter(_covisit, needs_events=True)
