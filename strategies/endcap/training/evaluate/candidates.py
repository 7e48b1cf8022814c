"""What is among the candidates, before and after scoring: how much of the truth recall finds, and every score.

No ranking is better than its candidates. The ceiling by source says where the truth is lost: it was never proposed, or
it was proposed and cut when the sources were merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import Run, gather
from endcap.strategies.registry import Shelf
from endcap.strategies.strategy import Strategy
from endcap.training.evaluate.metrics import binary_ideal, ndcg, recall
from endcap.training.evaluate.questions import for_new
from endcap.training.evaluate.ranking import DEPTH, SHARE, Opening
from endcap.training.evaluate.truth import Truth
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
    new: bool


class Scored(NamedTuple):
    """Every candidate of every query, one query after the other."""

    scores: Array  # float32[n], NaN where the scorer could not tell
    labels: Array  # bool[n]
    sizes: Array  # int64[queries]
    found: dict[str, Array]
    """int64[queries] by source, UNION and CANDIDATES: how much of the truth is among what was proposed."""

    @staticmethod
    def joined(parts: Sequence[Scored]) -> Scored:
        scores, labels, sizes = (np.concatenate([part[place] for part in parts]) for place in range(3))
        return Scored(scores, labels, sizes, {n: np.concatenate([p.found[n] for p in parts]) for n in parts[0].found})


def score(
    pool: Workers, opening: Opening, name: str, queries: Sequence[Query], truth: Truth, new: bool = False
) -> Scored:
    """Every candidate of one strategy. There must be at least one query."""
    starts = range(0, len(queries), SHARE)
    rows = np.arange(len(queries))
    tasks = [
        Task(opening, name, queries[start : start + SHARE], truth.take(rows[start : start + SHARE]), new)
        for start in starts
    ]
    return Scored.joined(pool.map("scoring candidates", score_share, tasks))


def score_share(task: Task) -> Scored:
    """Runs in a worker process."""
    bundle = task.opening.bundle()
    strategy = Shelf(bundle).strategy(task.name, task.opening.tables[task.name])
    columns = [f"{source.name}.rank" for source in strategy.recall]
    everything = replace(strategy, hydrate=(), candidates=np.iinfo(np.int32).max)
    scores, labels, found = [], [], []
    for row, plain in enumerate(task.queries):
        query, truth = (for_new(plain, len(bundle.catalog)) if task.new else plain), task.truth.of(row)
        proposed = gather(everything, query, Run())
        true = np.isin(proposed.items, truth)
        by_source = np.count_nonzero(~np.isnan(proposed.matrix(columns)[true]), axis=0)
        candidates, scored = _scored(strategy, query)
        labels.append(np.isin(candidates, truth))
        scores.append(scored)
        found.append([*by_source, np.count_nonzero(true), np.count_nonzero(labels[-1])])
    names = [*(source.name for source in strategy.recall), UNION, CANDIDATES]
    counts = np.array(found, np.int64).reshape(len(found), len(names))
    return Scored(
        np.concatenate([np.empty(0, np.float32), *scores]),
        np.concatenate([np.empty(0, np.bool_), *labels]),
        np.array([len(each) for each in scores], np.int64),
        {name: counts[:, place] for place, name in enumerate(names)},
    )


def _scored(strategy: Strategy, query: Query) -> tuple[Array, Array]:
    """Items and scores of the candidates that pass the strategy's filters, as the pipeline scores them."""
    candidates = gather(strategy, query, Run())
    for item_filter in strategy.filter:
        candidates = candidates.take(item_filter.component.keep(query, candidates))
    return candidates.items, strategy.scorer.component.score(query, candidates)


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


def summary(scored: Scored) -> dict[str, Any]:
    """How many candidates there are, and how many of them are true."""
    return {
        "candidates": float(scored.sizes.mean()),
        "true": float(np.count_nonzero(scored.labels) / max(len(scored.sizes), 1)),
    }
