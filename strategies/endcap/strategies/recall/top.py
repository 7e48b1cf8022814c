"""The best of a whole catalog's scores."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.batch import Recalled


def top(scores: Array, limit: int, allowed: Array | None = None) -> Recalled:
    """The ``limit`` items of highest positive score, ties by item number.

    ``scores`` is float[items]; an item at zero or below, or not ``allowed`` (bool[items]), is never proposed.
    """
    if allowed is not None:
        scores = np.where(allowed, scores, 0.0)
    limit = min(limit, len(scores))
    if limit == 0:
        return Recalled.none()
    floor = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    items = np.flatnonzero(scores >= max(floor, np.finfo(np.float32).tiny))
    return ranked(items, scores[items], limit)


def ranked(items: Array, scores: Array, limit: int) -> Recalled:
    """Items (int[k]) and scores (float[k]) in order of score, ties by item number, cut at ``limit``."""
    best = np.lexsort((items, -scores))[:limit]
    return Recalled(items[best].astype(np.int32, copy=False), scores[best].astype(np.float32, copy=False))


def permitted(items: Array, scores: Array, allowed: Array | None) -> tuple[Array, Array]:
    """Those of the items that score above zero and that the request's filter allows."""
    keep = scores > 0
    if allowed is not None:
        keep &= allowed[items]
    return items[keep], scores[keep]
