"""How good ranked lists are, for many shoppers at once. Every function gives float64[rows], one value a shopper.

Gain is binary in all of them, an item counts 1 or 0, except that ``ndcg`` takes any gains: ``graded`` makes 2^r - 1 of
ratings. A shopper without a relevant item has no value and must not be asked about.
"""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array

CUTS = (5, 10, 20)


def accuracy(hits: Array, relevant: Array, cuts: tuple[int, ...] = CUTS) -> dict[str, Array]:
    """Every metric at every cut, such as ``ndcg@10``.

    ``hits`` is bool[rows, depth], best first; ``relevant`` int64[rows], how many items were true, all above 0.
    """
    values: dict[str, Array] = {}
    for k in cuts:
        values |= {
            f"ndcg@{k}": ndcg(hits, binary_ideal(relevant, k), k),
            f"recall@{k}": recall(hits, relevant, k),
            f"hit_rate@{k}": hit_rate(hits, k),
            f"mrr@{k}": mrr(hits, k),
            f"map@{k}": average_precision(hits, relevant, k),
            f"precision@{k}": precision(hits, k),
        }
    return values


def ndcg(gains: Array, ideal: Array, k: int) -> Array:
    """Jarvelin and Kekalainen, TOIS 2002, with log2 discount.

    ``gains`` is [rows, depth] in the order of the ranking, ``ideal`` [rows, any] all the gains there are, descending.
    """
    return dcg(gains, k) / dcg(ideal, k)


def dcg(gains: Array, k: int) -> Array:
    discounts = 1.0 / np.log2(np.arange(2, min(k, gains.shape[1]) + 2))
    total: Array = gains[:, :k].astype(np.float64) @ discounts
    return total


def binary_ideal(relevant: Array, k: int) -> Array:
    """bool[rows, k]: a ranking with every relevant item first."""
    ideal: Array = np.arange(k) < relevant[:, None]
    return ideal


def graded(ratings: Array) -> Array:
    """2^rating - 1: Burges et al., ICML 2005, section 5."""
    gains: Array = np.exp2(ratings.astype(np.float64)) - 1.0
    return gains


def recall(hits: Array, relevant: Array, k: int) -> Array:
    """Found among the first k over min(k, relevant): 1 is reachable for every shopper."""
    share: Array = _found(hits, k) / np.minimum(relevant, k)
    return share


def precision(hits: Array, k: int) -> Array:
    """Found among the first k over k, however short the list."""
    share: Array = _found(hits, k) / k
    return share


def hit_rate(hits: Array, k: int) -> Array:
    """1 where the first k hold at least one relevant item."""
    return (_found(hits, k) > 0).astype(np.float64)


def mrr(hits: Array, k: int) -> Array:
    """One over the rank of the first relevant item, 0 where it is not among the first k."""
    first = hits[:, :k].argmax(axis=1) if hits.shape[1] else np.zeros(len(hits))
    ranks: Array = hit_rate(hits, k) / (first + 1.0)
    return ranks


def average_precision(hits: Array, relevant: Array, k: int) -> Array:
    """Precision at each hit among the first k, summed, over all relevant items, as trec_eval's map_cut has it."""
    top = hits[:, :k]
    at_hits = top * np.cumsum(top, axis=1) / np.arange(1, top.shape[1] + 1)
    mean: Array = at_hits.sum(axis=1) / relevant
    return mean


def _found(hits: Array, k: int) -> Array:
    counts: Array = np.count_nonzero(hits[:, :k], axis=1).astype(np.float64)
    return counts
