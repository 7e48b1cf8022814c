"""The union of what the recall sources propose, each source's rank and score kept as columns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.batch import Block, Candidates, Recalled
from endcap.strategies.compiled import INT, INT32S, INT64S, SINGLES, TO_INT32S, TO_SINGLE_ROWS, kernel
from endcap.strategies.order import rows_by

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
    sources = list(recalled.values())
    numbers = np.concatenate([_EMPTY, *(_int32(source) for source in sources)])
    scores = np.concatenate([np.empty(0, np.float32), *(source.scores for source in sources)], dtype=np.float32)
    ends = np.cumsum([len(source.items) for source in sources] or [0])
    items, values = np.empty(len(numbers), np.int32), np.empty((len(numbers), 2 * len(sources) + 2), np.float32)
    count = _unite(rows_by(numbers), numbers, scores, ends, items, values)
    candidates = Candidates(items[:count], (Block(_columns(tuple(recalled)), values[:count]),))
    if count <= limit or CALLER in recalled:
        return candidates
    best = np.lexsort((candidates.items, -candidates.blocks[0].values[:, -1]))[:limit]
    return candidates.take(np.sort(best))


@lru_cache(256)
def _columns(names: tuple[str, ...]) -> tuple[str, ...]:
    return (*(f"{name}.{what}" for name in names for what in ("rank", "score")), VOTES, FUSED)


@kernel(INT(INT64S, INT32S, SINGLES, INT64S, TO_INT32S, TO_SINGLE_ROWS))
def _unite(order: Array, numbers: Array, scores: Array, ends: Array, items: Array, values: Array) -> int:
    """Fills a row for each distinct number, ascending, and says how many there are. In ``order`` entries of one number
    stand by source."""
    count = 0
    for place in range(len(order)):
        entry = order[place]
        if count == 0 or items[count - 1] != numbers[entry]:
            items[count] = numbers[entry]
            values[count, :-2], values[count, -2:] = np.nan, 0.0
            count += 1
        source = 0
        while entry >= ends[source]:
            source += 1
        rank = np.float32(entry - (ends[source - 1] if source else 0) + 1)
        row = values[count - 1]
        row[2 * source], row[2 * source + 1] = rank, scores[entry]
        row[-2] += np.float32(1.0)
        row[-1] += np.float32(1.0) / (np.float32(_RANK_OFFSET) + rank)
    return count


def vote(ranks: Array) -> Array:
    """float32[n]: what a source's rank (1 = best) adds to ``merge.fused``."""
    votes: Array = (1.0 / (_RANK_OFFSET + ranks)).astype(np.float32)
    return votes


_EMPTY = np.empty(0, np.int32)


def _int32(recalled: Recalled) -> Array:
    return recalled.items.astype(np.int32, copy=False)
