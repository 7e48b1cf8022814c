"""From requests to pairs with labels, in worker processes: the best candidates by the trees, as serving will see them.

Most candidates are never chosen, so only some of those are kept; how many, is told to the loss, which then learns the
log-odds of the whole (see Lessons.offsets).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, Part
from endcap.bundle.manifest import Manifest
from endcap.strategies.batch import Candidates
from endcap.strategies.score.hybrid import best
from endcap.strategies.shelf import Shelf
from endcap.strategies.strategy import Strategy
from endcap.strategies.text.pairs import KINDS, Pairs
from endcap.training.bert.asked import Asked
from endcap.training.gathering import gather_all

NEGATIVES_EACH, LEAST_NEGATIVES, MOST_NEGATIVES, MOST_POSITIVES = 2, 4, 12, 8
SHARE = 50
"""Requests a task."""


class Lessons(NamedTuple):
    """Pairs of some requests, one request after the other; n pairs of ``width`` tokens at most."""

    ids: Array  # int32[n, width], padded with 0
    lengths: Array  # int64[n]
    labels: Array  # float32[n], 0 to 1
    trees: Array  # float32[n], falling within a request
    offsets: Array
    """float32[n]: log of how much likelier a chosen item was to be kept than another one of its request. Added to the
    logit while learning, it leaves the logit free of the sampling (King and Zeng, Political Analysis 9, 2001)."""
    sizes: Array  # int64[requests]
    kinds: Array  # int8[requests]: place in KINDS

    @staticmethod
    def joined(parts: Sequence[Lessons], width: int) -> Lessons:
        dtypes = (np.int32, np.int64, np.float32, np.float32, np.float32, np.int64, np.int8)
        empty = [np.empty((0, width) if place == 0 else 0, dtype) for place, dtype in enumerate(dtypes)]
        return Lessons(*(np.concatenate([none, *some]) for none, *some in zip(empty, *parts, strict=True)))

    def __bool__(self) -> bool:
        return len(self.sizes) > 0

    @property
    def pair_kinds(self) -> Array:
        """int8[n]."""
        return np.repeat(self.kinds, self.sizes)

    @property
    def requests(self) -> Array:
        """int64[n]: number of each pair's request."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


@dataclass(frozen=True)
class Task:
    """A share of the requests of one moment, small enough to send to a worker process."""

    folder: Path
    manifest: Manifest
    table: dict[str, Any]
    """A strategy that scores with the trees of the folder."""
    pairs: Path
    """The part that says how pairs are made."""
    asked: Sequence[Asked]
    head: int
    """So many of the trees' best are looked at."""
    seed: int | None
    """Where given, the candidates are sampled by it; None keeps them all."""


def tasks_of(
    bundle: Bundle, table: dict[str, Any], pairs: Path, asked: Sequence[Asked], head: int, seed: int | None
) -> list[Task]:
    starts = range(0, len(asked), SHARE)
    shares = (asked[start : start + SHARE] for start in starts)
    seeds = (None if seed is None else seed * 100_003 + start for start in starts)
    return [
        Task(bundle.folder, bundle.manifest, table, pairs, share, head, own)
        for share, own in zip(shares, seeds, strict=True)
    ]


def collect(task: Task) -> Lessons:
    """Runs in a worker process."""
    bundle = Bundle(task.folder, task.manifest)
    strategy = Shelf(bundle).strategy("lessons", task.table)
    pairs = Pairs.open(Part(task.pairs), bundle)
    random = None if task.seed is None else np.random.default_rng(task.seed)
    found = [part for asked in task.asked if (part := _of_one(asked, bundle, strategy, pairs, task.head, random))]
    return Lessons.joined(found, pairs.shape.max_tokens)


def _of_one(
    asked: Asked, bundle: Bundle, strategy: Strategy, pairs: Pairs, head: int, random: np.random.Generator | None
) -> Lessons | None:
    query = asked.query(bundle)
    if pairs.kind_of(query) is None:
        return None
    candidates = gather_all(strategy, query)
    for item_filter in strategy.filter:
        candidates = candidates.take(item_filter.component.keep(query, candidates))
    scores = strategy.scorer.component.score(query, candidates)
    rows = best(scores, candidates.items, head)
    if len(rows) < 2:
        return None
    labels = asked.graded(candidates.items[rows])
    keep, offset = sampled(labels, random) if random is not None else (np.arange(len(rows)), 0.0)
    return _paired(asked, pairs, query, candidates.take(rows[keep]), scores[rows[keep]], labels[keep], offset)


def _paired(
    asked: Asked, pairs: Pairs, query: Any, candidates: Candidates, scores: Array, labels: Array, offset: float
) -> Lessons:
    batch = pairs.of(query, candidates.items)
    size, width = batch.ids.shape
    ids = np.zeros((size, pairs.shape.max_tokens), np.int32)
    ids[:, :width] = batch.ids
    return Lessons(
        ids=ids,
        lengths=batch.mask.sum(axis=1),
        labels=labels,
        trees=scores.astype(np.float32),
        offsets=np.full(size, offset, np.float32),
        sizes=np.array([size], np.int64),
        kinds=np.array([KINDS.index(asked.kind)], np.int8),
    )


def sampled(labels: Array, random: np.random.Generator) -> tuple[Array, float]:
    """Row numbers, ascending, and the log of the rate at which chosen rows were kept over that of the others."""
    positives, negatives = np.flatnonzero(labels > 0), np.flatnonzero(labels <= 0)
    kept = _drawn(positives, MOST_POSITIVES, random)
    most = min(max(NEGATIVES_EACH * len(kept), LEAST_NEGATIVES), MOST_NEGATIVES)
    others = _drawn(negatives, most, random)
    rates = [len(some) / max(len(every), 1) or 1.0 for some, every in ((kept, positives), (others, negatives))]
    return np.sort(np.concatenate([kept, others])), float(np.log(rates[0] / rates[1]))


def _drawn(rows: Array, most: int, random: np.random.Generator) -> Array:
    return rows if len(rows) <= most else random.choice(rows, most, replace=False)


def by_request(lessons: Lessons) -> Iterator[slice]:
    ends = np.cumsum(lessons.sizes)
    return (slice(int(end - size), int(end)) for end, size in zip(ends, lessons.sizes, strict=True))
