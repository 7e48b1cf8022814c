"""Components of a few lines, and strategies made of them: for tests of the pipeline, not of a component."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.strategies.batch import SCORE, Candidates, Recalled
from endcap.strategies.contract import Feature, Query, ReasonCode, Settings
from endcap.strategies.merge import FUSED
from endcap.strategies.strategy import Named, Source, Strategy

NOW = 1_000_000_000


class Plain(Settings):
    pass


@dataclass
class Proposing:
    items: Sequence[int]
    reason: ReasonCode = ReasonCode.POPULAR
    asked: list[Query] = field(default_factory=list)
    Config: ClassVar[type[Settings]] = Plain

    def recall(self, query: Query, limit: int) -> Recalled:
        self.asked.append(query)
        items = np.array(self.items, np.int32)[:limit]
        return Recalled(items, -np.arange(len(items), dtype=np.float32))


@dataclass
class Telling:
    """Adds columns by item number."""

    provides: tuple[Feature, ...]
    tell: Callable[[Array], Any]
    Config: ClassVar[type[Settings]] = Plain

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        values = np.asarray(self.tell(candidates.items), np.float32)
        return values.reshape(len(candidates), len(self.provides))


@dataclass
class Keeping:
    keeps: Callable[[Array], Any]
    Config: ClassVar[type[Settings]] = Plain

    def keep(self, query: Query, candidates: Candidates) -> Array:
        kept: Array = self.keeps(candidates.items)
        return kept


@dataclass
class Scoring:
    """The sum of the columns it reads."""

    requires: tuple[str, ...] = (FUSED,)
    Config: ClassVar[type[Settings]] = Plain

    def score(self, query: Query, candidates: Candidates) -> Array:
        total: Array = candidates.matrix(self.requires).sum(axis=1)
        return total

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        return candidates.matrix(self.requires)


@dataclass
class Best:
    Config: ClassVar[type[Settings]] = Plain

    def select(self, query: Query, candidates: Candidates) -> Array:
        order: Array = np.argsort(-candidates.column(SCORE), kind="stable")[: query.size]
        return order


class Failing:
    """Fails at everything that a component can be asked."""

    Config = Plain
    provides = (Feature("lost"),)
    requires: tuple[str, ...] = ()

    def _fail(self, *_: object) -> Any:
        raise RuntimeError("out of order")

    recall = hydrate = keep = score = contributions = select = _fail


def strategy_of(
    recall: dict[str, Any],
    hydrate: dict[str, Any] | None = None,
    keep: dict[str, Any] | None = None,
    score: Any = None,
    select: Any = None,
    candidates: int = 500,
) -> Strategy:
    """Components by name; those not given are the plainest there are."""
    return Strategy(
        name="made",
        description="",
        recall=tuple(Source(name, source, 100) for name, source in recall.items()),
        hydrate=tuple(Named(name, each) for name, each in (hydrate or {}).items()),
        filter=tuple(Named(name, each) for name, each in (keep or {}).items()),
        scorer=Named("scorer", score or Scoring()),
        selector=Named("selector", select or Best()),
        candidates=candidates,
        item_count=1000,
    )


def events_of(*rows: tuple[int, int], goal: bool = True, weight: float = 1.0, basket: int = -1) -> Events:
    """Events of (item, seconds before NOW), in the order given."""
    size = len(rows)
    return Events(
        items=np.array([item for item, _ in rows], np.int32),
        times=np.array([NOW - ago for _, ago in rows], np.int64),
        weights=np.full(size, weight, np.float32),
        goals=np.full(size, goal),
        quantities=np.ones(size, np.float32),
        values=np.full(size, np.nan, np.float32),
        baskets=np.full(size, basket, np.int64),
    )


@dataclass(frozen=True)
class GroupsOnly:
    """A catalog of which nothing is known but its groups."""

    groups: dict[str, Array]

    def __len__(self) -> int:
        return len(next(iter(self.groups.values())))
