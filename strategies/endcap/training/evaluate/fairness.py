"""Whether some groups of shoppers are served worse than others: the largest gap between groups of one attribute.

Of many groups some always differ, so a gap comes with the chance of one as large among groups drawn by lot. Shoppers of
whom an attribute is not known are no group that anybody belongs to; what including them would make of the gap is told
beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from endcap.bundle.events import Array
from endcap.training.evaluate.intervals import bootstrap_means, interval
from endcap.training.evaluate.segments import UNKNOWN, Segment

LEAST_SHOPPERS = 30
"""Smaller groups are shown, and left out of the gaps."""
SHUFFLES = 999


def gaps(values: Array, family: Sequence[Segment], seed: int) -> list[dict[str, Any] | None]:
    """By strategy the largest gap among the groups of one attribute, and ``with_unknown`` where that is another one.

    ``values`` is float64[rows, strategies], NDCG@10 of every row. None with fewer than two large enough groups.
    """
    named = largest_gaps(values, [each for each in family if each.label != UNKNOWN], seed)
    whole = largest_gaps(values, family, seed)
    return [
        {**own, "with_unknown": every} if own and own != every else own for own, every in zip(named, whole, strict=True)
    ]


def largest_gaps(values: Array, family: Sequence[Segment], seed: int) -> list[dict[str, Any] | None]:
    """By strategy: the best and the worst served group, what lies between them, and the chance of that."""
    large = [each for each in family if len(each.asked) >= LEAST_SHOPPERS]
    if len(large) < 2:
        return [None] * values.shape[1]
    parts = [values[each.asked] for each in large]
    means = np.array([part.mean(axis=0) for part in parts])
    best, worst, found = means.argmax(axis=0), means.argmin(axis=0), means.max(axis=0) - means.min(axis=0)
    drawn = np.array([bootstrap_means(part, seed + place) for place, part in enumerate(parts)])
    chances = _chances(parts, found, seed)
    return [
        {
            "gap": float(found[place]),
            "interval": interval(drawn[best[place], :, place] - drawn[worst[place], :, place]).tolist(),
            "best": large[best[place]].label,
            "worst": large[worst[place]].label,
            "p": float(chances[place]),
        }
        for place in range(values.shape[1])
    ]


def _chances(parts: Sequence[Array], gaps: Array, seed: int) -> Array:
    """float64[strategies]: how often groups of these sizes, drawn by lot, lie at least as far apart. A permutation test
    of the range, with the same draws for every strategy."""
    random = np.random.default_rng(seed)
    pooled = np.concatenate(parts)
    sizes = np.array([len(part) for part in parts])
    starts = np.cumsum(sizes) - sizes
    reached = np.zeros(pooled.shape[1])
    for _ in range(SHUFFLES):
        means = np.add.reduceat(pooled[random.permutation(len(pooled))], starts) / sizes[:, None]
        reached += means.max(axis=0) - means.min(axis=0) >= gaps - 1e-12
    chances: Array = (reached + 1) / (SHUFFLES + 1)
    return chances
