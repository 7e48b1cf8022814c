"""What is among the candidates, before and after scoring: how much of the truth recall finds, and every score.

No ranking is better than its candidates. The ceiling by source says where the truth is lost: it was never proposed, or
it was proposed and cut when the sources were merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query
from endcap.strategies.strategy import Strategy
from endcap.training.evaluate.metrics import binary_ideal, ndcg, recall
from endcap.training.evaluate.questions import for_new
from endcap.training.evaluate.ranking import DEPTH, SHARE, Opening, opened
from endcap.training.evaluate.truth import Truth
from endcap.training.gathering import gather_all
from endcap.training.parallel import Workers

UNION, CANDIDATES = "all sources", "candidates"
"""What any source proposed, and what of it is scored once ``candidates`` of the strategy has cut the union."""


@dataclass(frozen=True)
class Task:
    opening: Opening
    name: str
    """Which of the opening's strategies."""
    queries: Sequence[Query]
    truth: Truth
    """In the bundle's numbers, one row a query."""
    new: bool = False


class Scored(NamedTuple):
    """Every candidate of every query, one query after the other."""

    scores: Array  # float32[n], NaN where the scorer could not tell
    labels: Array  # bool[n]
    sizes: Array  # int64[queries]

    @staticmethod
    def joined(parts: Sequence[Scored]) -> Scored:
        return Scored(*(np.concatenate([part[place] for part in parts]) for place in range(3)))


def score(pool: Workers, opening: Opening, name: str, queries: Sequence[Query], truth: Truth) -> Scored:
    """Every candidate of one strategy, as it is scored. There must be at least one query."""
    return Scored.joined(pool.map("scoring candidates", score_share, _tasks(opening, name, queries, truth, False)))


def found_by_source(
    pool: Workers, opening: Opening, name: str, queries: Sequence[Query], truth: Truth, new: bool
) -> dict[str, Array]:
    """int64[queries] by source, UNION and CANDIDATES: how much of the truth is among what was proposed."""
    tasks = _tasks(opening, name, queries, truth, new)
    parts = pool.map("finding the ceiling of recall", find_share, tasks)
    return {source: np.concatenate([part[source] for part in parts]) for source in parts[0]}


def _tasks(opening: Opening, name: str, queries: Sequence[Query], truth: Truth, new: bool) -> list[Task]:
    rows = np.arange(len(queries))
    starts = range(0, len(queries), SHARE)
    return [
        Task(opening, name, queries[start : start + SHARE], truth.take(rows[start : start + SHARE]), new)
        for start in starts
    ]


def score_share(task: Task) -> Scored:
    """Runs in a worker process."""
    strategy = opened(task.opening)[task.name]
    labels, scores = [np.empty(0, np.bool_)], [np.empty(0, np.float32)]
    for row, query in enumerate(task.queries):
        candidates = _filtered(strategy, query, gather_all(strategy, query))
        scores.append(strategy.scorer.component.score(query, candidates))
        labels.append(np.isin(candidates.items, task.truth.of(row)))
    sizes = np.array([len(each) for each in scores[1:]], np.int64)
    return Scored(np.concatenate(scores), np.concatenate(labels), sizes)


def find_share(task: Task) -> dict[str, Array]:
    """Runs in a worker process."""
    strategy = opened(task.opening)[task.name]
    most = strategy.candidates
    everything = replace(strategy, candidates=np.iinfo(np.int32).max)
    columns = [f"{source.name}.rank" for source in strategy.recall]
    counts = np.zeros((len(task.queries), len(columns) + 2), np.int64)
    for row, plain in enumerate(task.queries):
        query = for_new(plain, strategy.item_count) if task.new else plain
        proposed = gather_all(everything, query)
        true = np.isin(proposed.items, task.truth.of(row))
        kept = proposed if len(proposed) <= most else gather_all(strategy, query)
        kept = _filtered(strategy, query, kept)
        counts[row, :-2] = np.count_nonzero(~np.isnan(proposed.matrix(columns)[true]), axis=0)
        counts[row, -2:] = np.count_nonzero(true), np.count_nonzero(np.isin(kept.items, task.truth.of(row)))
    names = [*(source.name for source in strategy.recall), UNION, CANDIDATES]
    return {name: counts[:, place] for place, name in enumerate(names)}


def _filtered(strategy: Strategy, query: Query, candidates: Candidates) -> Candidates:
    for item_filter in strategy.filter:
        candidates = candidates.take(item_filter.component.keep(query, candidates))
    return candidates


def ceiling(found: dict[str, Array], relevant: Array) -> dict[str, dict[str, float]]:
    """By source, UNION and CANDIDATES: the mean ``share`` of the truth (int64[queries], above 0) that is there, and the
    metrics of a ranking that puts all of it first."""
    limits = {}
    for name, counts in found.items():
        best = binary_ideal(counts, DEPTH)
        limits[name] = {
            "share": float((counts / relevant).mean()),
            "ndcg@10": float(ndcg(best, binary_ideal(relevant, 10), 10).mean()),
            "recall@20": float(recall(best, relevant, 20).mean()),
        }
    return limits
