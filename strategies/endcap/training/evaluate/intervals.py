"""How sure a mean over shoppers is, and whether two strategies differ by more than chance.

Both resample shoppers, and give every strategy the same draw, so that what makes a shopper easy or hard for all of
them cancels out. Everything is seeded.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from endcap.bundle.events import Array

RESAMPLES, PERMUTATIONS, BLOCK = 1000, 4999, 250
LOW, HIGH = 2.5, 97.5
"""Percentiles that enclose 95 %."""


def bootstrap_means(values: Array, seed: int, resamples: int = RESAMPLES) -> Array:
    """float64[resamples, m]: means of ``values`` (float[shoppers, m]) over shoppers drawn with replacement.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 6. Equal seeds and equal numbers of shoppers
    get equal draws.
    """
    random = np.random.default_rng(seed)
    shoppers = len(values)
    even = np.full(shoppers, 1.0 / max(shoppers, 1))
    blocks = [random.multinomial(shoppers, even, size) @ values / max(shoppers, 1) for size in _blocks(resamples)]
    means: Array = np.concatenate(blocks)
    return means


def interval(means: Array) -> Array:
    """float64[2, m]: the ends of the 95 % percentile interval of each column of bootstrap means."""
    ends: Array = np.percentile(means, [LOW, HIGH], axis=0)
    return ends


def paired_p_values(differences: Array, seed: int, permutations: int = PERMUTATIONS) -> Array:
    """float64[m]: how often a mean difference at least as large comes about when each shopper's sign is a coin toss.

    ``differences`` is float[shoppers, m]. Fisher's randomisation test, two-sided, in Smucker, Allan and Carterette,
    CIKM 2007; the observed arrangement counts as one, so that no value is 0.
    """
    random = np.random.default_rng(seed)
    observed = np.abs(differences.sum(axis=0)) * (1.0 - 1e-12)  # sums of the same numbers in another order
    reached = np.zeros(differences.shape[1])
    for size in _blocks(permutations):
        signs = random.integers(0, 2, (size, len(differences)), np.int8) * np.int8(2) - np.int8(1)
        reached += (np.abs(signs @ differences) >= observed).sum(axis=0)
    p: Array = (reached + 1.0) / (permutations + 1.0)
    return p


def holm(p: Array) -> Array:
    """float64[m]: p-values of m tests adjusted so that one false alarm among them all is as rare as each claims.

    Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    order = np.argsort(p, kind="stable")
    scaled = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    adjusted = np.empty(len(p))
    adjusted[order] = scaled
    return adjusted


def _blocks(count: int) -> Iterator[int]:
    return (min(BLOCK, count - start) for start in range(0, count, BLOCK))
