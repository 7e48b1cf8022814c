"""What recall starts from: the seeds of a product page, or what the shopper did, weighted by recency."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.compiled import (
    FLAGS,
    INT,
    INT64S,
    REAL,
    SINGLES,
    TO_INT32S,
    TO_INT64S,
    TO_REALS,
    TO_SINGLES,
    kernel,
    several,
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
    half_life_s = half_life_days * SECONDS_PER_DAY
    return items, _added_up(query.now, half_life_s, events.times, events.weights, counted, rows, len(items))


_ALL = np.empty(0, np.bool_)


def distinct(query: Query) -> tuple[Array, Array]:
    """The shopper's distinct items (int32[k], ascending), and of each event the place of its item among them
    (int64[m]); sorted once a request."""
    found: tuple[Array, Array] = query.once("events.distinct", lambda: _distinct(in_order(query.events.items)))
    return found


@kernel(several(TO_INT32S, TO_INT64S)(INT64S))
def _distinct(pairs: Array) -> tuple[Array, Array]:
    """From what ``in_order`` gave."""
    found, rows, count = np.empty(len(pairs), np.int32), np.empty(len(pairs), np.int64), 0
    for pair in pairs:
        item = pair >> 32
        if count == 0 or found[count - 1] != item:
            found[count] = item
            count += 1
        rows[pair & 0xFFFFFFFF] = count - 1
    return found[:count], rows


def decayed(query: Query, half_life_days: float) -> Array:
    """float64[m]: the events' weights, halved every ``half_life_days``; once a request for each."""
    return query.once(
        f"events.decayed.{half_life_days}",
        lambda: _faded(query.now, half_life_days * SECONDS_PER_DAY, query.events.times, query.events.weights),
    )


def decay(ages_s: Array, half_life_days: float) -> Array:
    """float64[m]: 1 now, 0.5 after ``half_life_days``."""
    halved: Array = np.exp2(ages_s / (-half_life_days * SECONDS_PER_DAY))
    return halved


@kernel(TO_REALS(INT, REAL, INT64S, SINGLES))
def _faded(now: int, half_life_s: float, times: Array, weights: Array) -> Array:
    """Events of one trip have one time, as a rule: what it leaves of them is worked out once."""
    faded, left = np.empty(len(times)), 1.0
    for event in range(len(times)):
        if event == 0 or times[event] != times[event - 1]:
            left = np.exp2((times[event] - now) / half_life_s)
        faded[event] = weights[event] * left
    return faded


@kernel(TO_SINGLES(INT, REAL, INT64S, SINGLES, FLAGS, INT64S, INT))
def _added_up(
    now: int, half_life_s: float, times: Array, weights: Array, counted: Array, rows: Array, count: int
) -> Array:
    """The sums of faded events for each of ``count`` rows. No ``counted`` at all: every event counts."""
    sums, left = np.zeros(count), 1.0
    for event in range(len(times)):
        if event == 0 or times[event] != times[event - 1]:
            left = np.exp2((times[event] - now) / half_life_s)
        if len(counted) == 0 or counted[event]:
            sums[rows[event]] += weights[event] * left
    return sums.astype(np.float32)
