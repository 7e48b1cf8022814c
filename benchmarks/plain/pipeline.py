"""The default strategy, ``hybrid``, written plainly: eight sources, dicts of features, trees and network, top k."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import faiss
import numpy as np
import torch

from benchmarks.plain import recall
from benchmarks.plain.features import History, Periods, Row, matrix, merged
from benchmarks.plain.ranker import Ranker
from benchmarks.plain.shop import Event, Item, PlainShop
from endcap.bundle.folder import Bundle
from endcap.strategies.tables import ready_made

HALF_LIVES_DAYS = (3.0, 14.0, 30.0, 60.0, 120.0)


class PlainSlate(NamedTuple):
    items: list[int]
    scores: list[float]
    candidates: list[int]
    stages: dict[str, float]
    """Milliseconds of processor time by stage."""


class Laps(dict[str, float]):
    """Milliseconds of this thread's processor time by stage."""

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        start = time.thread_time()
        yield
        self[stage] = self.get(stage, 0.0) + (time.thread_time() - start) * 1000


class Known(NamedTuple):
    """What recall worked out of the shopper, for the features to use again."""

    events: list[Event]
    strengths: dict[float, dict[int, float]]
    """Of each item that they chose, by half-life in days."""
    factor: np.ndarray
    linear: np.ndarray | None
    votes: np.ndarray | None
    leanings: dict[str, dict[int, float]]
    profile: np.ndarray


class PlainHybrid:
    """``table`` (as parsed from TOML) may have fewer sources and hydrators than the ready-made ``hybrid`` has."""

    def __init__(
        self, bundle: Bundle, shop: PlainShop, texts: recall.Texts, table: dict[str, Any] | None = None
    ) -> None:
        one_thread()
        self.shop, self.texts = shop, texts
        table = table or ready_made()["hybrid"]
        self.limits, self.most = limits_of(table)
        self.wanted = {entry if isinstance(entry, str) else entry["use"] for entry in table["hydrate"]}
        self.factors, self.covisit = recall.Factors(bundle), recall.Covisit(bundle)
        self.ease = recall.Ease(bundle) if "ease" in self.limits else None
        self.neighbours = recall.Neighbours(bundle) if "neighbours" in self.limits else None
        self.kinds = recall.Kinds(bundle, shop) if "kinds" in self.limits else None
        self.popular = recall.Popular(bundle)
        self.periods = Periods(bundle, shop) if bundle.has("periods") and "periods" in self.wanted else None
        self.ranker = Ranker(bundle)
        self.unknown = dict.fromkeys(self.ranker.names, np.nan)

    def rank(self, user: int, size: int) -> PlainSlate:
        laps, items = Laps(), self.shop.items
        known, found = self._recall(self.shop.history(user), user, laps)
        with laps.of("merge and features"):
            rows = merged(found, self.most, self.unknown)
            self._fill(rows, known)
            rows = {item: row for item, row in rows.items() if items[item].available}
            features = matrix(rows, self.ranker.names)
        with laps.of("score"):
            scores = self.ranker.score(features)
        with laps.of("select"):
            slate = select(list(rows), scores, size)
        return PlainSlate(*slate, list(rows), laps)

    def _recall(self, events: list[Event], user: int, laps: Laps) -> tuple[Known, dict[str, recall.Pairs]]:
        now, limits, found = self.shop.now, self.limits, {}
        linear, votes, leanings = None, None, {}
        with laps.of("factors"):
            seen = {event.item for event in events if event.goal}
            strengths = {days: recall.strengths(events, now, days) for days in HALF_LIVES_DAYS}
            factor = self.factors.shopper(recall.best(strengths[self.factors.half_life_days], self.factors.most_items))
            als = self.factors.recall(factor, seen, limits["als"])
        with laps.of("other recall"):
            found["repeat"] = recall.repeat(events, now, limits["repeat"])
            found["als"] = als
            near = self.covisit.around(recall.best(strengths[14.0], 60))
            found["covisit"] = recall.best({i: s for i, s in near.items() if i not in seen}, limits["covisit"])
            if self.ease:
                linear = self.ease.scores(dict.fromkeys((event.item for event in events), 1.0))
                found["ease"] = recall.best_places(linear, self.ease.items, seen, limits["ease"])
            if self.neighbours:
                votes = self.neighbours.votes(user)
                found["neighbours"] = recall.best_places(votes[1], self.neighbours.items, seen, limits["neighbours"])
            if self.kinds:
                start = recall.best(strengths[60.0], 300)
                leanings = {name: self.kinds.leaning(start, name) for name in ("title", "line", "category", "brand")}
                found["kinds"] = self.kinds.recall(leanings, seen, limits["kinds"])
            found["popular"] = self.popular.recall(seen, limits["popular"])
        with laps.of("embeddings"):
            profile = self.texts.profile(recall.best(strengths[14.0], 30))
            found["text"] = self.texts.recall(profile, seen, limits["text"])
        return Known(events, strengths, factor, linear, votes, leanings, profile), found

    def _fill(self, rows: dict[int, Row], known: Known) -> None:
        """Everything that the ranker reads of each candidate, into its dict."""
        items, history = list(rows), History(known.events, self.shop, self.wanted)
        likeness = (self.factors.model.item_factors[items] @ known.factor).tolist()
        places = {item: place for place, (item, _) in enumerate(recall.best_of(items, likeness))}
        cosines = self.texts.cosines(known.profile, items)
        covisits = {f"covisit.similarity_{days:g}d": self._covisits(known.strengths[days]) for days in (3.0, 30.0)}
        linear, lately = self._linear(known, items)
        votes = self._votes(known, items)
        for place, number in enumerate(items):
            row, item = rows[number], self.shop.items[number]
            history.fill(number, item, row)
            row.update(item.stats)
            row["als.similarity"], row["als.place"] = likeness[place], places[number] / len(items)
            for name, (near, total) in covisits.items():
                row[name] = near.get(number, 0.0) / total
            if linear:
                row["ease.similarity"], row["ease.similarity_60d"] = linear[place], lately[place]
            if votes:
                row["neighbours.votes_28d"], row["neighbours.votes_84d"], row["neighbours.votes"] = votes[place]
            for name, leaning in known.leanings.items():
                row[f"kinds.{name}"] = leaning.get(getattr(item, name), 0.0) * item.shares[name]
            row["text.profile_cosine"] = cosines[place]
            if self.periods:
                self.periods.fill(number, row)

    def _linear(self, known: Known, items: list[int]) -> tuple[list[float], list[float]]:
        """The linear model's scores of items over all that the shopper chose, and by recency."""
        if self.ease is None or known.linear is None:
            return [], []
        lately = self.ease.scores({item: min(strength, 2.0) for item, strength in known.strengths[60.0].items()})
        return self.ease.of(known.linear, items), self.ease.of(lately, items)

    def _votes(self, known: Known, items: list[int]) -> list[list[float]]:
        if self.neighbours is None or known.votes is None:
            return []
        places = self.neighbours.places[items]
        return np.where(places >= 0, known.votes[:, places], 0.0).T.tolist()

    def _covisits(self, strengths: dict[int, float]) -> tuple[dict[int, float], float]:
        start = recall.best(strengths, 60)
        return self.covisit.around(start), sum(weight for _, weight in start)


def select(
    items: list[int], scores: np.ndarray, size: int, known: list[Item] | None = None
) -> tuple[list[int], list[float]]:
    """The best items; with ``known``, which has their titles, the first of each title."""
    chosen: list[tuple[int, float]] = []
    titles: set[int] = set()
    for item, score in sorted(zip(items, scores.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0])):
        if known and (title := known[item].title) >= 0:
            if title in titles:
                continue
            titles.add(title)
        chosen.append((item, score))
        if len(chosen) == size:
            break
    return [item for item, _ in chosen], [score for _, score in chosen]


def limits_of(table: dict[str, Any]) -> tuple[dict[str, int], int]:
    """Each source's limit, and that of all together."""
    return {source["use"]: source["limit"] for source in table["recall"]}, table["candidates"]


def one_thread() -> None:
    faiss.omp_set_num_threads(1)
    torch.set_num_threads(1)
