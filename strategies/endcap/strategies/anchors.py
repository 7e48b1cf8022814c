"""What recall starts from: the seeds of a product page, or what the shopper did, weighted by recency."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.compiled import (
    FLAGS,
    INT,
    INT64S,
    NOTHING,
    REAL,
    SINGLES,
    TO_INT32S,
    TO_REALS,
    TO_SINGLES,
    filled,
    kernel,
)
from endcap.strategies.contract import SECONDS_PER_DAY, Query
from endcap.strategies.order import in_order
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
    every ``half_life_days``. With ``goals_only`` other events weigh nothing. Added up once a request for each."""
    return query.once(
        f"events.strengths.{half_life_days}.{goals_only}", lambda: _strengths_of(query, half_life_days, goals_only)
    )


def _strengths_of(query: Query, half_life_days: float, goals_only: bool) -> tuple[Array, Array]:
    (items, rows), events = distinct(query), query.events
    counted = events.goals if goals_only else _ALL
    strengths = np.empty(len(items), np.float32)
    _add_up(query.now, half_life_days * SECONDS_PER_DAY, events.times, events.weights, counted, rows, strengths)
    return items, strengths


_ALL = np.empty(0, np.bool_)


def distinct(query: Query) -> tuple[Array, Array]:
    """The shopper's distinct items (int32[k], ascending), and of each event the place of its item among them
    (int64[m]); sorted once a request."""
    return query.once("events.distinct", lambda: _distinct(query.events.items))


def _distinct(items: Array) -> tuple[Array, Array]:
    found, rows = np.empty(len(items), np.int32), np.empty(len(items), np.int64)
    return found[: _number(in_order(items), found, rows)], rows


@kernel(INT(INT64S, TO_INT32S, filled(INT)))
def _number(pairs: Array, found: Array, rows: Array) -> int:
    """Fills ``found`` and ``rows`` from what ``in_order`` gave, and says how many distinct items there are."""
    count = 0
    for pair in pairs:
        item = pair >> 32
        if count == 0 or found[count - 1] != item:
            found[count] = item
            count += 1
        rows[pair & 0xFFFFFFFF] = count - 1
    return count


def decayed(query: Query, half_life_days: float) -> Array:
    """float64[m]: the events' weights, halved every ``half_life_days``; once a request for each."""
    return query.once(f"events.decayed.{half_life_days}", lambda: _decayed(query, half_life_days))


def _decayed(query: Query, half_life_days: float) -> Array:
    weights = np.empty(len(query.events))
    _fade(query.now, half_life_days * SECONDS_PER_DAY, query.events.times, query.events.weights, weights)
    return weights


def decay(ages_s: Array, half_life_days: float) -> Array:
    """float64[m]: 1 now, 0.5 after ``half_life_days``."""
    halved: Array = np.exp2(ages_s / (-half_life_days * SECONDS_PER_DAY))
    return halved


@kernel(NOTHING(INT, REAL, INT64S, SINGLES, TO_REALS))
def _fade(now: int, half_life_s: float, times: Array, weights: Array, faded: Array) -> None:
    """Fills ``faded``. Events of one trip have one time, as a rule: what it leaves of them is worked out once."""
    left = 1.0
    for event in range(len(times)):
        if event == 0 or times[event] != times[event - 1]:
            left = np.exp2((times[event] - now) / half_life_s)
        faded[event] = weights[event] * left


@kernel(NOTHING(INT, REAL, INT64S, SINGLES, FLAGS, INT64S, TO_SINGLES))
def _add_up(
    now: int, half_life_s: float, times: Array, weights: Array, counted: Array, rows: Array, strengths: Array
) -> None:
    """Fills ``strengths``, of the rows that the events are of. No ``counted`` at all: every event counts."""
    sums, left = np.zeros(len(strengths)), 1.0
    for event in range(len(times)):
        if event == 0 or times[event] != times[event - 1]:
            left = np.exp2((times[event] - now) / half_life_s)
        if len(counted) == 0 or counted[event]:
            sums[rows[event]] += weights[event] * left
    for row in range(len(sums)):
        strengths[row] = sums[row]
