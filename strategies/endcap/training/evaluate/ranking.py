"""Strategies at work: every request through the serving pipeline, in worker processes. All items compete, no sample."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.bundle.manifest import Manifest
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import execute
from endcap.strategies.shelf import Shelf
from endcap.strategies.strategy import Strategy
from endcap.training.evaluate.questions import for_new
from endcap.training.evaluate.truth import NOTHING
from endcap.training.parallel import Last, Workers

DEPTH = 20
SHARE = 100
"""Requests a task: small enough for a lively progress bar, large enough to pay for opening the bundle."""


@dataclass(frozen=True)
class Opening:
    """A bundle, sealed or still being written, and the strategies (tables as parsed from TOML) to open it with."""

    folder: Path
    manifest: Manifest
    tables: Mapping[str, Any]

    def bundle(self) -> Bundle:
        return Bundle(self.folder, self.manifest)

    def strategies(self) -> dict[str, Strategy]:
        shelf = Shelf(self.bundle())
        return {name: shelf.strategy(name, table) for name, table in self.tables.items()}


_opened: Last[dict[str, Strategy]] = Last()
"""Of this process."""


def opened(opening: Opening) -> dict[str, Strategy]:
    """Its strategies by name; booted once for all tasks in a row that have an equal opening."""
    return _opened.of(repr(opening), opening.strategies)


@dataclass(frozen=True)
class Task:
    opening: Opening
    queries: Sequence[Query]
    new: bool
    """Only what the shopper never bought is wanted."""


class Lists(NamedTuple):
    slates: dict[str, Array]
    """int32[queries, DEPTH] by strategy, in the bundle's numbers, NOTHING where a slate ends early."""
    degradations: Counter[str]
    """What requests had to do without: an evaluation with any of these is not one of what was meant."""
    seconds: dict[str, Array]
    """float64[queries] by strategy: what each slate took, while every core was at work."""


def rank(pool: Workers, opening: Opening, queries: Sequence[Query], new: bool = False) -> Lists:
    """Every strategy's slate for every query."""
    step = "ranking new items" if new else "ranking"
    parts = pool.map(step, rank_share, [Task(opening, share, new) for share in shares(queries)])
    slates = {
        name: np.concatenate([np.empty((0, DEPTH), np.int32), *(part.slates[name] for part in parts)])
        for name in opening.tables
    }
    seconds = {name: np.concatenate([np.empty(0), *(part.seconds[name] for part in parts)]) for name in opening.tables}
    return Lists(slates, sum((part.degradations for part in parts), Counter[str]()), seconds)


def rank_share(task: Task) -> Lists:
    """Runs in a worker process."""
    strategies = opened(task.opening)
    count = len(task.queries)
    lists = Lists(
        {name: np.full((count, DEPTH), NOTHING, np.int32) for name in strategies},
        Counter(),
        {name: np.zeros(count) for name in strategies},
    )
    for row, plain in enumerate(task.queries):
        for name, strategy in strategies.items():
            query = for_new(plain, strategy.item_count) if task.new else replace(plain)  # with nothing worked out yet
            start = time.perf_counter()
            slate = execute(strategy, query)
            lists.seconds[name][row] = time.perf_counter() - start
            lists.slates[name][row, : len(slate.items)] = slate.items
            lists.degradations.update(f"{name}: {d.stage} {d.component}: {d.reason}" for d in slate.run.degradations)
    return lists


def shares(queries: Sequence[Query]) -> Iterator[Sequence[Query]]:
    return (queries[start : start + SHARE] for start in range(0, len(queries), SHARE))


def each_alone(table: Mapping[str, Any], bundle: Bundle) -> dict[str, Any]:
    """A strategy for each recall source of ``table`` that the bundle has, in its own order: what a hybrid must beat."""
    booted = Shelf(bundle).strategy("sources", {**table, "hydrate": [], "score": "by_source", "select": "top_k"})
    named = {entry if isinstance(entry, str) else entry.get("name", entry["use"]): entry for entry in table["recall"]}
    return {
        source.name: {"recall": [_seen_too(named[source.name])], "score": "by_source", "select": "top_k"}
        for source in booted.recall
    }


def _seen_too(entry: Any) -> Any:
    """A source that leaves the shopper's own items to others in a hybrid proposes them too where it stands alone."""
    return entry if isinstance(entry, str) else {key: value for key, value in entry.items() if key != "unseen"}
