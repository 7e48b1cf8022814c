"""The union of what the recall sources propose, each source's rank and score kept as columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.batch import Block, Candidates, Recalled

CALLER = "caller"
"""Stands for a recall source where the request brings its own candidates."""
FUSED = "merge.fused"
VOTES = "merge.sources"
_RANK_OFFSET = 60.0  # the constant of reciprocal rank fusion, Cormack, Clarke and Buettcher, SIGIR 2009, section 3


def merge(recalled: Mapping[str, Recalled], limit: int) -> Candidates:
    """At most ``limit`` distinct items in ascending item number, with columns per source and the fused rank.

    Columns: ``<source>.rank`` (1 = best) and ``<source>.score``, NaN where the source did not propose the item;
    ``merge.sources``, how many did; ``merge.fused``, reciprocal rank fusion over the sources. Where there are more
    than ``limit`` items, those with the highest fusion stay. The caller's own candidates are never cut.
    """
    names = list(recalled)
    items, rows = np.unique(np.concatenate([_int32(r) for r in recalled.values()] or [_EMPTY]), return_inverse=True)
    values = np.full((len(items), 2 * len(names) + 2), np.nan, np.float32)
    values[:, -2:] = 0.0
    start = 0
    for place, source in enumerate(recalled.values()):
        mine = rows[start : start + len(source.items)]
        start += len(source.items)
        ranks = np.arange(1, len(mine) + 1, dtype=np.float32)
        values[mine, 2 * place], values[mine, 2 * place + 1] = ranks, source.scores
        values[mine, -2] += 1.0
        values[mine, -1] += vote(ranks)
    columns = (*(f"{name}.{what}" for name in names for what in ("rank", "score")), VOTES, FUSED)
    candidates = Candidates(items, (Block(columns, values),))
    if len(items) <= limit or CALLER in recalled:
        return candidates
    best = np.lexsort((items, -values[:, -1]))[:limit]
    return candidates.take(np.sort(best))


def vote(ranks: Array) -> Array:
    """float32[n]: what a source's rank (1 = best) adds to ``merge.fused``."""
    votes: Array = (1.0 / (_RANK_OFFSET + ranks)).astype(np.float32)
    return votes


_EMPTY = np.empty(0, np.int32)


def _int32(recalled: Recalled) -> Array:
    return recalled.items.astype(np.int32, copy=False)
