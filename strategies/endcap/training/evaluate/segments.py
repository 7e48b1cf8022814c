"""For whom, and for what, a strategy works: shoppers by history and by attribute, items by popularity.

A segment of items keeps every slate as it is and asks only for the truth in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from endcap.bundle.columns import BoolColumn, Column, NumberColumn, StringColumn
from endcap.bundle.events import Array
from endcap.training.evaluate.beyond import head
from endcap.training.evaluate.intervals import bootstrap_means, interval
from endcap.training.evaluate.metrics import binary_ideal, ndcg, recall
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.truth import Truth

QUARTERS = (0.25, 0.5, 0.75)
ALL, UNKNOWN = "all", "unknown"
ATTRIBUTE = "attribute: "
"""Begins the families of segments by an attribute of the users table."""


class Segment(NamedTuple):
    family: str
    """What the segments beside it have in common: ``history``, ``popularity``, ``attribute: age``, …"""
    label: str
    rows: Array
    """bool[rows of the holdout]: shoppers."""
    truth: Truth
    """One row a row of the holdout; shoppers without any are not counted."""

    @property
    def asked(self) -> Array:
        """int64[k]: the rows that count."""
        return np.flatnonzero(self.rows & (self.truth.sizes > 0))


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
            yield Segment(f"{ATTRIBUTE}{name}", label, members[holdout.users] & regulars, holdout.truth)


def per_shopper(lists: Sequence[Array], truth: Truth) -> Array:
    """float64[rows, lists, 2]: NDCG@10 and recall@20 of every row by several strategies (slates int32[rows, depth]);
    NaN where nothing was true."""
    rows = np.flatnonzero(truth.sizes > 0)
    asked = truth.take(rows)
    values = np.full((len(truth), len(lists), 2), np.nan)
    for place, slates in enumerate(lists):
        hits = asked.hits(slates[rows])
        values[rows, place, 0] = ndcg(hits, binary_ideal(asked.sizes, 10), 10)
        values[rows, place, 1] = recall(hits, asked.sizes, 20)
    return values


def quality(values: Array, segment: Segment, seed: int) -> list[dict[str, Any]]:
    """Of each strategy: NDCG@10 with its interval, recall@20 and the number of shoppers; [] where there is none.

    ``values`` are those of ``per_shopper`` for the segment's truth.
    """
    own = values[segment.asked]
    if not len(own):
        return []
    low, high = interval(bootstrap_means(own[:, :, 0], seed))
    return [
        {
            "shoppers": len(own),
            "ndcg@10": float(own[:, place, 0].mean()),
            "recall@20": float(own[:, place, 1].mean()),
            "interval": [float(low[place]), float(high[place])],
        }
        for place in range(own.shape[1])
    ]


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
            for code in sorted(
                np.unique(column.codes[column.codes >= 0]), key=lambda c: _natural(column.vocabulary[c])
            ):
                yield column.vocabulary[int(code)], column.codes == code
            yield UNKNOWN, column.codes < 0
        case BoolColumn():
            for value, label in ((1, "yes"), (0, "no"), (-1, "unknown")):
                yield label, column.values == value
        case NumberColumn():
            yield from quarters(column.values)
            yield UNKNOWN, np.isnan(column.values)


def _natural(label: str) -> list[tuple[int, float, str]]:
    """Orders ``9 to 12`` before ``10 to 20``: what is a number in a label counts as one."""
    parts = re.findall(r"\d+|\D+", label)
    return [(0, float(part), "") if part.isdigit() else (1, 0.0, part) for part in parts]


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
