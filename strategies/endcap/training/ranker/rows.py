"""Rows for the ranker: the serving pipeline itself run at a cut-off, labelled by what came after.

There is no second feature code: what a live server would have gathered for the shopper at that moment is the row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.bundle.folder import Bundle
from endcap.bundle.manifest import Manifest
from endcap.strategies.contract import Query
from endcap.strategies.merge import VOTES
from endcap.strategies.shelf import Shelf
from endcap.strategies.strategy import Strategy
from endcap.training.gathering import gather_all
from endcap.training.parallel import Last

MOST_NEGATIVES = 80
GUEST_SHARE = 0.15
EXPLORER_SHARE = 0.5
LONGEST_SESSION = 5


class Rows(NamedTuple):
    """Groups of candidates, one a query, one after the other."""

    features: Array  # float32[n, k]
    labels: Array  # int8[n]
    sizes: Array  # int32[groups]
    users: Array  # int32[groups]

    @staticmethod
    def joined(parts: Sequence[Rows]) -> Rows:
        """A window in which nobody went for anything has no part, or parts without groups."""
        parts = [part for part in parts if len(part.sizes)]
        if not parts:
            return Rows(
                np.empty((0, 0), np.float32), np.empty(0, np.int8), np.empty(0, np.int32), np.empty(0, np.int32)
            )
        return Rows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def save(self, folder: Path) -> Path:
        folder.mkdir(parents=True)
        for name, values in self._asdict().items():
            np.save(folder / f"{name}.npy", values, allow_pickle=False)
        return folder

    @staticmethod
    def open(folder: Path) -> Rows:
        """What ``save`` wrote, not yet in memory."""
        return Rows(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in Rows._fields))


@dataclass(frozen=True)
class Task:
    """A share of one window's shoppers, small enough to send to a worker process."""

    folder: Path
    manifest: Manifest
    table: dict[str, Any]
    """The strategy whose candidates and columns the ranker will see."""
    users: list[int]
    truths: list[Array]
    """int32[t] each: what the shopper went for."""
    seed: int

    def opened(self) -> tuple[Bundle, Strategy]:
        bundle = Bundle(self.folder, self.manifest)
        return bundle, gathering(bundle, self.table)


_opened: Last[tuple[Bundle, Strategy]] = Last()
"""Of this process."""


def collect(task: Task) -> Rows:
    """Positives and a sample of negatives for each shopper of the task. Runs in a worker process.

    Raises StrategyError where a component of the strategy fails.
    """
    bundle, strategy = _opened.of(repr((task.folder, task.manifest, task.table)), task.opened)
    names = columns_of(strategy)
    random = np.random.default_rng([task.seed, abs(task.manifest.data_end), task.users[0] if task.users else 0])
    groups = list(_groups(bundle, strategy, names, task, random))
    return Rows(
        np.concatenate([np.empty((0, len(names)), np.float32), *(features for features, _, _ in groups)]),
        np.concatenate([np.empty(0, np.int8), *(labels for _, labels, _ in groups)]),
        np.array([len(labels) for _, labels, _ in groups], np.int32),
        np.array([user for _, _, user in groups], np.int32),
    )


def _groups(
    bundle: Bundle, strategy: Strategy, names: Sequence[str], task: Task, random: np.random.Generator
) -> Iterator[tuple[Array, Array, int]]:
    for user, truth in zip(task.users, task.truths, strict=True):
        for query in _queries(query_of(bundle, user), strategy.item_count, random):
            candidates = gather_all(strategy, query)
            labels = np.isin(candidates.items, truth)
            if not labels.any() or labels.all():
                continue  # nothing to tell apart
            keep = _sample(labels, random)
            yield candidates.take(keep).matrix(names), labels[keep].astype(np.int8), user


def _queries(query: Query, item_count: int, random: np.random.Generator) -> Iterator[Query]:
    """The shopper's request, now and then as a guest's; and of some also the request for something new."""
    guest = random.random() < GUEST_SHARE
    yield as_guest(query, random) if guest else query
    if not guest and random.random() < EXPLORER_SHARE:
        yield as_explorer(query, item_count)


def _sample(labels: Array, random: np.random.Generator) -> Array:
    """Row numbers, ascending: all positives and at most MOST_NEGATIVES others."""
    negatives = np.flatnonzero(~labels)
    if len(negatives) > MOST_NEGATIVES:
        negatives = random.choice(negatives, MOST_NEGATIVES, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(labels), negatives]))


def query_of(bundle: Bundle, user: int) -> Query:
    """What the codec would make of a request with nothing but this shopper, at the bundle's cut-off."""
    return Query(now=bundle.manifest.data_end, user=user, history=bundle.histories.of(user), request_id=str(user))


def as_guest(query: Query, random: np.random.Generator) -> Query:
    """The same shopper without an account: only their last few events, as the codec makes a session of them."""
    last = query.history.rows(slice(max(len(query.history) - int(random.integers(1, LONGEST_SESSION + 1)), 0), None))
    today = np.full(len(last), query.now - 1, np.int64)
    unknown = np.full(len(last), -1, np.int64)
    session = Events(last.items, today, last.weights, last.goals, last.quantities, last.values, unknown)
    return Query(now=query.now, session=session, request_id=query.request_id)


def as_explorer(query: Query, item_count: int) -> Query:
    """The same shopper who wants only what they never bought: among such items the own history says nothing."""
    return replace(query, filter=Unseen(query, item_count))


class Unseen:
    """The items outside of a shopper's history, as an ItemFilter."""

    def __init__(self, query: Query, item_count: int) -> None:
        self._mask = np.ones(item_count, np.bool_)
        self._mask[query.events.items] = False

    def mask(self) -> Array:
        return self._mask

    def keep(self, items: Array) -> Array:
        kept: Array = self._mask[items]
        return kept


def gathering(bundle: Bundle, table: dict[str, Any]) -> Strategy:
    """The strategy as far as its columns go: a snapshot has no ranker yet."""
    return Shelf(bundle).strategy("training", {**table, "score": "by_source", "select": "top_k"})


def columns_of(strategy: Strategy) -> tuple[str, ...]:
    """What the ranker may read: every hydrator's columns, each source's rank and score, and how many proposed it."""
    hydrated = [feature.name for hydrator in strategy.hydrate for feature in hydrator.component.provides]
    recalled = [f"{source.name}.{what}" for source in strategy.recall for what in ("rank", "score")]
    return (*hydrated, *recalled, VOTES)
