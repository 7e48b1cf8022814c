"""Shoppers by items, as sparse matrices."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from endcap.bundle.events import Array
from endcap.training.baselines.contract import NEVER
from endcap.training.shop import Shop

LEAST_EVENTS = 5
"""Methods that learn items from shoppers leave out those with fewer events, which add noise and cost."""


def strengths(known: Shop, factors: Array | None = None) -> csr_matrix:
    """float32[shoppers, items]: the sum of the weights of the events, each times its factor (float[m])."""
    weights = known.log.weights if factors is None else known.log.weights * factors
    return _matrix(known, known.users, known.log.items, weights)


def purchases(known: Shop, factors: Array | None = None) -> csr_matrix:
    """As strengths, of goal events alone, each counting 1."""
    goals = np.flatnonzero(known.log.goals)
    weights = np.ones(len(goals)) if factors is None else factors[goals]
    return _matrix(known, known.users[goals], known.log.items[goals], weights)


def bm25(counts: csr_matrix, k1: float, b: float) -> csr_matrix:
    """float32: shoppers taken as documents and items as terms (Robertson and Walker, SIGIR 1994)."""
    shoppers = counts.shape[0]
    buyers = np.asarray(counts.getnnz(axis=0)).ravel()
    rarity = np.log(shoppers) - np.log1p(buyers)
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    normal = (1.0 - b) + b * lengths / max(float(lengths.mean()), 1e-9)
    rows = np.repeat(np.arange(shoppers), np.diff(counts.indptr))
    weights = counts.copy()
    weights.data = counts.data * (k1 + 1.0) / (k1 * normal[rows] + counts.data) * rarity[counts.indices]
    return weights.astype(np.float32)


def learnable(known: Shop) -> Array:
    """int32[k]: items with enough events to learn from."""
    counts = np.bincount(known.log.items, minlength=len(known.item_ids))
    return np.flatnonzero(counts >= LEAST_EVENTS)


def widened(scores: Array, columns: Array, size: int) -> Array:
    """float32[k, size]: scores of some columns put where they belong, NEVER elsewhere."""
    wide = np.full((len(scores), size), NEVER, np.float32)
    wide[:, columns] = scores
    return wide


def only_positive(scores: Array) -> Array:
    """In place: what has no evidence at all is not recommended."""
    scores[scores <= 0] = NEVER
    return scores


def _matrix(known: Shop, users: Array, items: Array, weights: Array) -> csr_matrix:
    shape = (len(known.user_ids), len(known.item_ids))
    matrix = csr_matrix((weights.astype(np.float32), (users, items)), shape)
    matrix.sum_duplicates()
    return matrix
