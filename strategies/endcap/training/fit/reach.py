"""How far recall from factors looks: as far as real shoppers need for next to nothing to be missed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.recall.longest import Longest

COSINES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
LEAST_RECALL = 0.995
"""Of the best DEPTH, on average; nobody may miss more than a tenth."""
WORST_RECALL = 0.9
DEPTH, PROBES = 300, 300


class Reach(NamedTuple):
    cosine: float
    """The highest that an item not yet looked at is expected to have with a shopper; 1 misses nothing."""
    recall: float
    """The share of the best DEPTH items that is found, mean over the shoppers asked."""
    worst: float
    """Of the shopper of whom the least is found."""
    seen: float
    """The share of the items that is looked at, mean over the shoppers."""


def best_reach(items: Longest, shoppers: Array) -> Reach:
    """The least cosine of COSINES that passes, or 1. ``shoppers`` is float32[s, f]."""
    exact = [items.search(shopper, DEPTH).best.items for shopper in shoppers]
    for cosine in COSINES:
        reach = _measured(Longest(items.items, items.vectors, items.lengths, cosine), shoppers, exact)
        if reach.recall >= LEAST_RECALL and reach.worst >= WORST_RECALL:
            return reach
    return _measured(Longest(items.items, items.vectors, items.lengths, 1.0), shoppers, exact)


def _measured(items: Longest, shoppers: Array, exact: list[Array]) -> Reach:
    found = [items.search(shopper, DEPTH) for shopper in shoppers]
    recalls = [
        float(np.isin(best, each.best.items).mean()) if len(best) else 1.0
        for best, each in zip(exact, found, strict=True)
    ]
    seen = [each.seen / max(len(items), 1) for each in found]
    return Reach(
        cosine=items.reach,
        recall=_rounded(float(np.mean(recalls or [1.0]))),
        worst=_rounded(min(recalls, default=1.0)),
        seen=_rounded(float(np.mean(seen or [1.0]))),
    )


def _rounded(share: float) -> float:
    return round(share, 4)
