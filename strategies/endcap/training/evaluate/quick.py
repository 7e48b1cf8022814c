"""The check that every training ends with: strategies ranked on the last window, which no fit has seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.bundle.manifest import Manifest
from endcap.strategies.pipeline import execute
from endcap.strategies.registry import Shelf
from endcap.training.evaluate.metrics import binary_ideal, ndcg, recall
from endcap.training.evaluate.truth import NOTHING, Truth
from endcap.training.ranker.rows import query_of

DEEPEST = 20
LEAST_EVENTS = 5
"""Truth counts items with at least this many earlier events: of others nothing can have been learned."""


@dataclass(frozen=True)
class Judged:
    """A share of the shoppers, to be ranked for by every strategy."""

    folder: Path
    manifest: Manifest
    tables: Mapping[str, Any]
    users: list[int]
    truths: list[Array]


def judge(task: Judged) -> dict[str, Array]:
    """float64[users, 2] a strategy: NDCG@10 and recall@20 of each shopper. Runs in a worker process."""
    bundle = Bundle(task.folder, task.manifest)
    shelf = Shelf(bundle)
    strategies = {name: shelf.strategy(name, table) for name, table in task.tables.items()}
    slates = {name: np.full((len(task.users), DEEPEST), NOTHING, np.int32) for name in strategies}
    for row, user in enumerate(task.users):
        for name, strategy in strategies.items():
            items = execute(strategy, query_of(bundle, user)).items
            slates[name][row, : len(items)] = items
    truth = Truth.of_rows(task.truths)
    return {name: _quality(truth.hits(lists), truth.sizes) for name, lists in slates.items()}


def _quality(hits: Array, relevant: Array) -> Array:
    return np.stack([ndcg(hits, binary_ideal(relevant, 10), 10), recall(hits, relevant, DEEPEST)], axis=1)


def each_alone(table: Mapping[str, Any], sources: Collection[str]) -> dict[str, Any]:
    """A strategy for each recall source of ``table`` that the bundle has, in its own order: what a hybrid must beat."""
    entries = {entry if isinstance(entry, str) else entry.get("name", entry["use"]): entry for entry in table["recall"]}
    return {
        name: {"recall": [entry], "score": "by_source", "select": "top_k"}
        for name, entry in entries.items()
        if name in sources
    }
