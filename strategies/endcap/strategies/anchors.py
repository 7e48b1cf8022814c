"""What recall starts from: the seeds of a product page, or what the shopper did, weighted by recency."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.compiled import INT, INT32S, INT64S, TO_INT32S, filled, kernel
from endcap.strategies.contract import SECONDS_PER_DAY, Query
from endcap.strategies.order import rows_by
from endcap.strategies.recall.top import top


class Anchors(NamedTuple):
    items: Array
    """int32[k], each item once, the heaviest first."""
    weights: Array
    """float32[k], positive."""


def anchors(query: Query, half_life_days: float, limit: int) -> Anchors:
    """The at most ``limit`` items that stand for this request.

    Seeds, where the request gives any, weigh 1 each and replace the history: a product page asks about its product.
    """
    return query.once(f"anchors.{half_life_days}.{limit}", lambda: _anchors(query, half_life_days, limit))


def _anchors(query: Query, half_life_days: float, limit: int) -> Anchors:
    if len(query.seeds):
        items = np.unique(query.seeds)[:limit]
        return Anchors(items, np.ones(len(items), np.float32))
    items, strengths = strengths_of(query, half_life_days)
    return Anchors(*top(strengths, limit, None, items))


def strengths_of(query: Query, half_life_days: float, goals_only: bool = False) -> tuple[Array, Array]:
    """Distinct items of the shopper (int32[k], ascending) and the sum of their events' weights (float32[k]), halved
    every ``half_life_days``. With ``goals_only`` other events weigh nothing."""
    items, rows = distinct(query)
    weights = decayed(query, half_life_days)
    if goals_only:
        weights = weights * query.events.goals
    return items, np.bincount(rows, weights, len(items)).astype(np.float32)


def distinct(query: Query) -> tuple[Array, Array]:
    """The shopper's distinct items (int32[k], ascending), and of each event the place of its item among them
    (int64[m]); sorted once a request."""
    return query.once("events.distinct", lambda: _distinct(query.events.items))


def _distinct(items: Array) -> tuple[Array, Array]:
    found, rows = np.empty(len(items), np.int32), np.empty(len(items), np.int64)
    count = _number(rows_by(items), items, found, rows)
    return found[:count], rows


@kernel(INT(INT64S, INT32S, TO_INT32S, filled(INT)))
def _number(order: Array, items: Array, found: Array, rows: Array) -> int:
    """Fills ``found`` and ``rows``, and says how many distinct items there are."""
    count = 0
    for event in order:
        if count == 0 or found[count - 1] != items[event]:
            found[count] = items[event]
            count += 1
        rows[event] = count - 1
    return count


def decayed(query: Query, half_life_days: float) -> Array:
    """float64[m]: the events' weights, halved every ``half_life_days``; once a request for each."""
    events = query.events
    return query.once(
        f"events.decayed.{half_life_days}", lambda: events.weights * decay(query.now - events.times, half_life_days)
    )


def decay(ages_s: Array, half_life_days: float) -> Array:
    """float64[m]: 1 now, 0.5 after ``half_life_days``."""
    halved: Array = np.exp2(ages_s / (-half_life_days * SECONDS_PER_DAY))
    return halved
