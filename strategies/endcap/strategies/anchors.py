"""What recall starts from: the seeds of a product page, or what the shopper did, weighted by recency."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.strategies.contract import SECONDS_PER_DAY, Query


class Anchors(NamedTuple):
    items: Array
    """int32[k], each item once, the heaviest first."""
    weights: Array
    """float32[k], positive."""


def anchors(query: Query, half_life_days: float, limit: int) -> Anchors:
    """The at most ``limit`` items that stand for this request.

    Seeds, where the request gives any, weigh 1 each and replace the history: a product page asks about its product.
    """
    return query.once(f"anchors.{half_life_days}.{limit}", lambda: _anchors(query, half_life_days, limit))


def _anchors(query: Query, half_life_days: float, limit: int) -> Anchors:
    if len(query.seeds):
        items = np.unique(query.seeds)[:limit]
        return Anchors(items, np.ones(len(items), np.float32))
    items, strengths = strengths_of(query.events, query.now, half_life_days)
    best = np.lexsort((items, -strengths))[: min(limit, np.count_nonzero(strengths > 0))]  # all else decayed to nothing
    return Anchors(items[best], strengths[best])


def strengths_of(events: Events, now: int, half_life_days: float) -> tuple[Array, Array]:
    """Distinct items (int32[k], ascending) and the sum of their events' weights, halved every ``half_life_days``."""
    items, rows = np.unique(events.items, return_inverse=True)
    weights = events.weights * decay(now - events.times, half_life_days)
    return items, np.bincount(rows, weights, len(items)).astype(np.float32)


def decay(ages_s: Array, half_life_days: float) -> Array:
    """float64[m]: 1 now, 0.5 after ``half_life_days``."""
    halved: Array = np.exp2(ages_s / (-half_life_days * SECONDS_PER_DAY))
    return halved
