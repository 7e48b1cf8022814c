"""The order of the stages, in one place. Timing and failure policy live here, never in a component.

What a failure costs: a recall source its candidates, a hydrator its columns, a scorer the fine order (the merged
recall order stands in) and the reasons, its second look the better order of the best, a selector its variety. Each is
named in ``Run.degradations``; an answer of the wrong shape is a failure too. A filter that fails fails the request:
showing what must not be shown is worse than showing nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.batch import SCORE, Candidates, Recalled
from endcap.strategies.compiled import FLAG, INT, INT32S, kernel
from endcap.strategies.contract import Boost, Query, Scorer
from endcap.strategies.merge import CALLER, FUSED, merge
from endcap.strategies.reasons import BOOST, Reason
from endcap.strategies.select.top_k import ordered
from endcap.strategies.strategy import Named, Strategy
from endcap.strategies.unseen import without_seen

clock = time.perf_counter
"""Seconds, by which components are timed."""


class Timing(NamedTuple):
    stage: str
    component: str
    seconds: float


class Degradation(NamedTuple):
    """Something the request had to do without."""

    stage: str
    component: str
    reason: str


@dataclass
class Run:
    """What one request's way through the pipeline leaves behind."""

    timings: list[Timing] = field(default_factory=list)
    degradations: list[Degradation] = field(default_factory=list)
    recalled: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    def timed(self, stage: str, component: str) -> _Step:
        return _Step(self, stage, component, forgiving=False)

    def tolerant(self, stage: str, component: str) -> _Step:
        """Timed, and an error becomes a degradation: the code after the block sees what it had before."""
        return _Step(self, stage, component, forgiving=True)


class _Step:
    """One component's turn. A class, since a generator costs several times as much, and a request takes thirty."""

    __slots__ = ("begun", "component", "forgiving", "run", "stage")

    def __init__(self, run: Run, stage: str, component: str, *, forgiving: bool) -> None:
        self.run, self.stage, self.component, self.forgiving = run, stage, component, forgiving

    def __enter__(self) -> None:
        self.begun = clock()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        run = self.run
        run.timings.append(Timing(self.stage, self.component, clock() - self.begun))
        if error is None or not self.forgiving or not isinstance(error, Exception):
            return False
        run.degradations.append(Degradation(self.stage, self.component, f"{type(error).__name__}: {error}"))
        return True


@dataclass(frozen=True)
class Slate:
    """The ranked items of one response, best first, and how they came about."""

    strategy: str
    candidates: Candidates
    """The slate's rows only, with every column, ``score`` among them."""
    reasons: tuple[tuple[Reason, ...], ...]
    """Up to three an item, the strongest first."""
    considered: int
    """How many candidates were left to score."""
    run: Run

    @property
    def items(self) -> Array:
        return self.candidates.items

    @property
    def scores(self) -> Array:
        return self.candidates.column(SCORE)


def execute(strategy: Strategy, query: Query, *, every_column: bool = False) -> Slate:
    """Rank for one request. Raises only what a filter raises.

    ``every_column`` works out those columns, too, that neither the scorer nor a reason reads. Nothing else changes."""
    run = Run()
    candidates = gather(strategy if every_column else strategy.narrowed, query, run)
    candidates = _filter(strategy, query, candidates, run)
    candidates = _score(strategy, query, candidates, run)
    slate = candidates.take(_select(strategy, query, candidates, run))
    return Slate(strategy.name, slate, _explain(strategy, query, slate, run), len(candidates), run)


def gather(strategy: Strategy, query: Query, run: Run) -> Candidates:
    """Recall, merge and hydrate: the table that the scorer sees, in training as in serving."""
    recalled = _given(query) if query.given is not None else _recall(strategy, query, run)
    with run.timed("merge", "merge"):
        candidates = merge(recalled, strategy.candidates)
    return _hydrate(strategy, query, candidates, run)


def _given(query: Query) -> dict[str, Recalled]:
    assert query.given is not None
    return {CALLER: Recalled(query.given, np.zeros(len(query.given), np.float32))}


def _recall(strategy: Strategy, query: Query, run: Run) -> dict[str, Recalled]:
    found: dict[str, Recalled] = {}
    for source in strategy.recall:
        recalled = Recalled.none()
        with run.tolerant("recall", source.name):
            asked = without_seen(query, strategy.item_count) if source.unseen else query
            recalled = _proposal(source.component.recall(asked, source.limit), source.limit, strategy.item_count)
        found[source.name] = recalled
        run.recalled[source.name] = len(recalled.items)
    return found


def _proposal(recalled: Recalled, limit: int, item_count: int) -> Recalled:
    """At most ``limit`` items. Raises ValueError where items and scores do not match, or an item is not there."""
    items, scores = recalled
    if items.ndim != 1 or items.dtype.kind != "i" or scores.shape != items.shape:
        raise ValueError(f"expected int32[k] items and float32[k] scores, found {_shape(items)} and {_shape(scores)}")
    if not _within(np.ascontiguousarray(items, np.int32), item_count):
        raise ValueError(f"expected item numbers from 0 to {item_count - 1}, found {items.min()} to {items.max()}")
    return recalled if len(items) <= limit else Recalled(items[:limit], scores[:limit])


@kernel(FLAG(INT32S, INT))
def _within(items: Array, count: int) -> bool:
    outside = 0
    for item in items:
        outside += not 0 <= item < count
    return outside == 0


def _hydrate(strategy: Strategy, query: Query, candidates: Candidates, run: Run) -> Candidates:
    for hydrator, names in zip(strategy.hydrate, strategy.hydrated, strict=True):
        with run.tolerant("hydrate", hydrator.name):
            candidates = candidates.with_block(names, hydrator.component.hydrate(query, candidates))
    return candidates


def _filter(strategy: Strategy, query: Query, candidates: Candidates, run: Run) -> Candidates:
    for item_filter in strategy.filter:
        with run.timed("filter", item_filter.name):
            keep = item_filter.component.keep(query, candidates)
            if keep.dtype != np.bool_ or keep.shape != candidates.items.shape:
                raise ValueError(f"{item_filter.name}: expected bool[{len(candidates)}], found {_shape(keep)}")
        run.dropped[item_filter.name] = dropped = int(len(keep) - np.count_nonzero(keep))
        if dropped:
            candidates = candidates.take(keep)
    return candidates


def _score(strategy: Strategy, query: Query, candidates: Candidates, run: Run) -> Candidates:
    first = _first_scores(strategy.scorer, query, candidates, run)
    scores = candidates.column(FUSED) if first is None else _rescored(strategy, query, candidates, first, run)
    boost = _boost(query.boosts, candidates.items, scores)
    return candidates.with_column(SCORE, scores + boost).with_column(BOOST, boost)


def _first_scores(scorer: Named[Scorer], query: Query, candidates: Candidates, run: Run) -> Array | None:
    with run.tolerant("score", scorer.name):
        return _one_each(scorer.component.score(query, candidates), candidates)
    return None


def _rescored(strategy: Strategy, query: Query, candidates: Candidates, scores: Array, run: Run) -> Array:
    if strategy.rescorer is not None:
        with run.tolerant("rescore", strategy.scorer.name):
            return _one_each(strategy.rescorer.rescore(query, candidates, scores), candidates)
    return scores


def _one_each(scores: Array, candidates: Candidates) -> Array:
    if scores.shape != candidates.items.shape:
        raise ValueError(f"expected float32[{len(candidates)}], found {_shape(scores)}")
    return scores


def _boost(boosts: tuple[Boost, ...], items: Array, scores: Array) -> Array:
    total = np.zeros(len(items), np.float32)
    if not boosts:
        return total
    known = scores[np.isfinite(scores)].astype(np.float64)
    spread = float(known.std()) if len(known) else 0.0
    for boost in boosts:
        total += boost.filter.keep(items) * np.float32(boost.weight * (spread or 1.0))
    return total


def _select(strategy: Strategy, query: Query, candidates: Candidates, run: Run) -> Array:
    with run.tolerant("select", strategy.selector.name):
        rows = strategy.selector.component.select(query, candidates)
        if rows.dtype.kind != "i" or len(set(rows.tolist())) != len(rows) or len(rows) > query.size:
            raise ValueError(f"expected at most {query.size} distinct row numbers, found {_shape(rows)}")
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(candidates):
            raise ValueError(f"expected rows from 0 to {len(candidates) - 1}, found {rows.min()} to {rows.max()}")
        return rows
    return ordered(candidates)[: query.size]


def _explain(strategy: Strategy, query: Query, slate: Candidates, run: Run) -> tuple[tuple[Reason, ...], ...]:
    """An explanation never costs the slate; a scorer that failed did not make the order, so cannot explain it."""
    if not any(degradation.stage == "score" for degradation in run.degradations):
        with run.tolerant("explain", strategy.scorer.name):
            return strategy.explainer(query, slate)
    return ((),) * len(slate)


def _shape(values: Array) -> str:
    return f"{values.dtype}{list(values.shape)}"
