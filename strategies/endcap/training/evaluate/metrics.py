"""Ranking metrics with binary gain: an item the shopper went for in the window counts 1, any other 0."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array


def ndcg(hits: Array, relevant: int, k: int) -> float:
    """Jarvelin and Kekalainen, TOIS 2002, with log2 discount. ``hits`` is bool[n], best first; ``relevant`` > 0."""
    gains = hits[:k] / np.log2(np.arange(2, min(k, len(hits)) + 2))
    ideal = (1.0 / np.log2(np.arange(2, min(k, relevant) + 2))).sum()
    return float(gains.sum() / ideal)


def recall(hits: Array, relevant: int, k: int) -> float:
    """Found among the first k over min(k, relevant): 1 is reachable for every shopper."""
    return float(np.count_nonzero(hits[:k]) / min(k, relevant))
