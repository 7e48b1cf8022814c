"""For every shopper those most alike by what they choose, and what these bought."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix, diags

from endcap.bundle.events import Array
from endcap.bundle.writer import PartWriter
from endcap.strategies.contract import SECONDS_PER_DAY
from endcap.strategies.recall.neighbours import WINDOWS_DAYS, weights_of
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.shop import Shop

NEIGHBOURS, FEWEST_NEIGHBOURS = 150, 20
MOST_KEPT = 50_000_000
"""Neighbours of all shoppers together: with more than 333,000 shoppers, each has fewer than ``NEIGHBOURS``."""
MOST_REFERENCES, FEWEST_REFERENCES, TELLING_ITEMS = 20_000, 2_000, 5
"""Of a larger shop neighbours are sought among so many, drawn from those with ``TELLING_ITEMS`` or more."""
MOST_PRODUCTS = 3e9
"""Multiplications that the search may take; where shoppers share much, references are fewer."""
MOST_ITEMS, LEAST_BUYERS = 100_000, 2
"""An item with one buyer has nobody to vote for it to another."""
BLOCK = 512


def _neighbours(shop: Shop, part: PartWriter, context: Context) -> None:
    rarity, rows = leanings(shop)
    references = drawn(rows, context.config.training.seed)
    near, weights = nearest(rows, references, context)
    part.arrays({"references": references, "neighbours": near, "weights": weights, "rarity": rarity})
    postings = rows[references].T.tocsr()
    postings.sort_indices()
    part.array("posting_offsets", postings.indptr.astype(np.int64))
    part.arrays({"posting_rows": postings.indices.astype(np.int32), "posting_values": postings.data})
    part.arrays(purchases_of(shop, references))


def leanings(shop: Shop) -> tuple[Array, csr_matrix]:
    """How telling each item is (float32[items]), and what each shopper leans to: shoppers by items, float32, rows of
    length 1, the logarithm of the weight of the events times how telling the item is."""
    size = len(shop.item_ids)
    matrix = csr_matrix((shop.log.weights.astype(np.float32), (shop.users, shop.log.items)), (len(shop.user_ids), size))
    matrix.sum_duplicates()
    active = max(int(np.count_nonzero(matrix.getnnz(axis=1))), 1)
    rarity = np.log(active / np.maximum(matrix.getnnz(axis=0), 1)).astype(np.float32)
    matrix.data = np.log1p(matrix.data) * rarity[matrix.indices]
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return rarity, (diags(1.0 / np.maximum(lengths, 1e-9)) @ matrix).tocsr().astype(np.float32)


def drawn(rows: csr_matrix, seed: int) -> Array:
    """int32[r], ascending: the shoppers among whom neighbours are sought."""
    counts = rows.getnnz(axis=1)
    buyers = rows.getnnz(axis=0).astype(np.float64)
    each = max(float(buyers @ buyers) / max(int(np.count_nonzero(counts)), 1), 1.0)  # products that a reference costs
    most = int(np.clip(MOST_PRODUCTS / each, FEWEST_REFERENCES, MOST_REFERENCES))
    chance = np.random.default_rng(seed).random(len(counts))
    best = np.lexsort((chance, -np.minimum(counts, TELLING_ITEMS)))[:most]
    return np.sort(best[counts[best] > 0]).astype(np.int32)


def nearest(rows: csr_matrix, references: Array, context: Context) -> tuple[Array, Array]:
    """Places in ``references`` (int32[shoppers, m], -1 where there are fewer) and weights (float32, summing to 1)."""
    shoppers = rows.shape[0]
    kept = min(NEIGHBOURS, max(FEWEST_NEIGHBOURS, MOST_KEPT // max(shoppers, 1)), max(len(references) - 1, 0))
    near, weights = np.full((shoppers, kept), -1, np.int32), np.zeros((shoppers, kept), np.float32)
    others = rows[references].T.tocsr()
    for start in range(0, shoppers if kept else 0, BLOCK):
        context.progress("shopper to shopper", start, shoppers)
        likeness = (rows[start : start + BLOCK] @ others).toarray()
        own = np.flatnonzero((references >= start) & (references < start + BLOCK))
        likeness[references[own] - start, own] = 0.0  # nobody is their own neighbour
        best = np.argpartition(-likeness, kept - 1, axis=1)[:, :kept]
        alike = np.take_along_axis(likeness, best, axis=1)
        near[start : start + BLOCK] = np.where(alike > 0, best, -1)
        weights[start : start + BLOCK] = weights_of(alike)
    return near, weights


def purchases_of(shop: Shop, references: Array) -> dict[str, Array]:
    """What the references went for: ``items`` (int32[k]), those of the most buyers first, ``places`` of them, and by
    reference (``offsets``) each item once, as ``bought``: the ring of its last purchase times k, plus its place."""
    size, row_of = len(shop.item_ids), np.full(len(shop.user_ids), -1, np.int64)
    row_of[references] = np.arange(len(references))
    goals = np.flatnonzero(shop.log.goals & (row_of[shop.users] >= 0))
    pairs, which = np.unique(row_of[shop.users[goals]] * size + shop.log.items[goals], return_inverse=True)
    last = np.zeros(len(pairs), np.int64)
    np.maximum.at(last, which, shop.log.times[goals])
    rows, items = np.divmod(pairs, size)
    places, known = _places(items, size)
    ages_days = (shop.data_end - last) / SECONDS_PER_DAY
    bought = np.searchsorted(WINDOWS_DAYS, ages_days) * len(known) + places[items]
    keep = np.flatnonzero(places[items] >= 0)
    order = keep[np.lexsort((bought[keep], rows[keep]))]
    offsets = np.searchsorted(rows[order], np.arange(len(references) + 1)).astype(np.int64)
    return {"items": known, "places": places, "offsets": offsets, "bought": bought[order].astype(np.int32)}


def _places(items: Array, size: int) -> tuple[Array, Array]:
    """int32[size], -1 where unknown, and int32[k]: the items with the most buyers, one of ``items`` a buyer."""
    buyers = np.bincount(items, minlength=size)
    known = np.lexsort((np.arange(size), -buyers))[:MOST_ITEMS]  # what is voted for most lies together
    known = known[buyers[known] >= LEAST_BUYERS]
    places = np.full(size, -1, np.int32)
    places[known] = np.arange(len(known))
    return places, known.astype(np.int32)


neighbours = Fitter(_neighbours, needs_events=True)
