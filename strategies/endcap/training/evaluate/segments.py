"""For whom, and for what, a strategy works: shoppers by history and by attribute, items by popularity.

A segment of items keeps every slate as it is and asks only for the truth in it. The fairness table compares groups of
shoppers by one attribute; the largest gap of many groups is never nought, so it comes with the chance of one as large
among groups drawn by lot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from endcap.bundle.columns import BoolColumn, Column, NumberColumn, StringColumn
from endcap.bundle.events import Array
from endcap.training.evaluate.beyond import head
from endcap.training.evaluate.intervals import bootstrap_means, interval
from endcap.training.evaluate.metrics import binary_ideal, ndcg, recall
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.truth import Truth

LEAST_SHOPPERS = 30
"""Smaller groups are shown, and left out of the gaps."""
SHUFFLES = 999
QUARTERS = (0.25, 0.5, 0.75)
ALL = "all"


class Segment(NamedTuple):
    family: str
    """What the segments beside it have in common: ``history``, ``popularity``, ``attribute: age``, …"""
    label: str
    rows: Array
    """bool[rows of the holdout]: shoppers."""
    truth: Truth
    """One row a row of the holdout; shoppers without any are not counted."""


def segments(holdout: Holdout) -> Iterator[Segment]:
    regulars = holdout.regulars
    everyone = np.ones(len(holdout.users), np.bool_)
    for label, rows in _by_history(holdout):
        yield Segment("history", label, rows & regulars, holdout.truth)
    for label, items in _by_popularity(holdout):
        yield Segment("popularity", label, regulars, holdout.truth.only(items[holdout.truth.items]))
    yield Segment("cold_shoppers", ALL, everyone & ~regulars, holdout.truth)
    yield Segment("cold_items", ALL, regulars, holdout.cold)
    for name, column in holdout.known.user_columns.items():
        for label, members in groups(column):
            yield Segment(f"attribute: {name}", label, members[holdout.users] & regulars, holdout.truth)


def quality(slates: Array, segment: Segment, seed: int) -> dict[str, Any] | None:
    """NDCG@10 with its interval, recall@20 and the number of shoppers; None where there is none."""
    rows = np.flatnonzero(segment.rows & (segment.truth.sizes > 0))
    if not len(rows):
        return None
    values = per_shopper(slates, segment.truth, rows)
    low, high = interval(bootstrap_means(values[:, :1], seed))[:, 0]
    return {
        "shoppers": len(rows),
        "ndcg@10": float(values[:, 0].mean()),
        "recall@20": float(values[:, 1].mean()),
        "interval": [float(low), float(high)],
    }


def per_shopper(slates: Array, truth: Truth, rows: Array) -> Array:
    """float64[len(rows), 2]: NDCG@10 and recall@20 of these rows (row numbers, each with some truth)."""
    asked = truth.take(rows)
    hits = asked.hits(slates[rows])
    return np.stack([ndcg(hits, binary_ideal(asked.sizes, 10), 10), recall(hits, asked.sizes, 20)], axis=1)


def largest_gap(slates: Array, family: list[Segment], seed: int) -> dict[str, Any] | None:
    """The best and the worst served group of one attribute by NDCG@10; None with fewer than two large enough."""
    parts = [np.flatnonzero(each.rows & (each.truth.sizes > 0)) for each in family]
    large = [(each, rows) for each, rows in zip(family, parts, strict=True) if len(rows) >= LEAST_SHOPPERS]
    if len(large) < 2:
        return None
    values = [per_shopper(slates, each.truth, rows)[:, 0] for each, rows in large]
    means = np.array([group.mean() for group in values])
    best, worst = int(means.argmax()), int(means.argmin())
    between = bootstrap_means(values[best][:, None], seed) - bootstrap_means(values[worst][:, None], seed + 1)
    return {
        "gap": float(means[best] - means[worst]),
        "interval": interval(between)[:, 0].tolist(),
        "best": large[best][0].label,
        "worst": large[worst][0].label,
        "p": _chance_of_gap(values, float(means[best] - means[worst]), seed),
    }


def _chance_of_gap(values: list[Array], gap: float, seed: int) -> float:
    """How often groups of these sizes, drawn by lot, lie at least as far apart. A permutation test of the range."""
    random = np.random.default_rng(seed)
    pooled = np.concatenate(values)
    sizes = np.array([len(group) for group in values])
    starts = np.cumsum(sizes) - sizes
    reached = 0
    for _ in range(SHUFFLES):
        means = np.add.reduceat(random.permutation(pooled), starts) / sizes
        reached += float(means.max() - means.min()) >= gap - 1e-12
    return (reached + 1) / (SHUFFLES + 1)


def _by_history(holdout: Holdout) -> Iterator[tuple[str, Array]]:
    lengths = np.diff(holdout.known.histories.offsets)[holdout.users].astype(np.float64)
    lengths[lengths == 0] = np.nan
    return ((f"{label} events", rows) for label, rows in quarters(lengths))


def _by_popularity(holdout: Holdout) -> Iterator[tuple[str, Array]]:
    counts = np.bincount(holdout.known.log.items, minlength=len(holdout.known.item_ids))
    popular = head(counts)
    yield "head", popular
    yield "long tail", ~popular


def groups(column: Column) -> Iterator[tuple[str, Array]]:
    """Label and members (bool[shoppers]) by an attribute; lists have no groups."""
    match column:
        case StringColumn():
            for code in np.unique(column.codes):
                yield ("unknown" if code < 0 else column.vocabulary[int(code)]), column.codes == code
        case BoolColumn():
            for value, label in ((1, "yes"), (0, "no"), (-1, "unknown")):
                yield label, column.values == value
        case NumberColumn():
            yield from quarters(column.values)
            yield "unknown", np.isnan(column.values)


def quarters(values: Array) -> Iterator[tuple[str, Array]]:
    """Four groups about equally large (fewer where values repeat), such as ``12 to 80``; NaN is in none."""
    known = values[~np.isnan(values)]
    if not len(known):
        return
    edges = np.unique(np.quantile(known, QUARTERS, method="lower"))
    places = np.searchsorted(edges, values, side="left")
    for place in range(len(edges) + 1):
        members = (places == place) & ~np.isnan(values)
        if members.any():
            yield f"{values[members].min():g} to {values[members].max():g}", members


def by_family(found: list[Segment]) -> Mapping[str, list[Segment]]:
    families: dict[str, list[Segment]] = {}
    for segment in found:
        families.setdefault(segment.family, []).append(segment)
    return families
