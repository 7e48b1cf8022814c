"""How a shopper's events spread over groups of items (an item, a title, a category, a brand), and their rhythm.

One pass of numpy over the shopper's events for each kind of group; candidates then look their group up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.strategies.anchors import decayed
from endcap.strategies.compiled import (
    FLAGS,
    INT,
    INT32S,
    INT64S,
    NOTHING,
    REALS,
    SINGLE_ROWS,
    SINGLES,
    TO_INT32S,
    TO_SINGLE_ROWS,
    kernel,
)
from endcap.strategies.contract import SECONDS_PER_DAY, Query
from endcap.strategies.order import rows_by

FAST_DAYS, MIDDLE_DAYS, SLOW_DAYS = 7.0, 30.0, 120.0


@dataclass(frozen=True)
class Timeline:
    """A shopper's events with their ages and the trips they belong to, computed once a request."""

    query: Query

    @property
    def events(self) -> Events:
        return self.query.events

    @cached_property
    def ages_days(self) -> Array:
        """float64[m]."""
        return (self.query.now - self.events.times) / SECONDS_PER_DAY

    @cached_property
    def trips(self) -> Array:
        """int64[m], from 0 by first event: the events of one basket, or of one day where baskets are unknown.

        Trips can interleave: where times are whole days, two baskets of a day lie mixed in the log.
        """
        keys = trip_keys(self.events)
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.empty(0, np.int64)
        _, first, trip = np.unique(keys[starts], return_index=True, return_inverse=True)
        return np.repeat(np.argsort(np.argsort(first))[trip], np.diff(starts, append=len(keys)))

    @cached_property
    def trip_ages_days(self) -> Array:
        """float64[trips] since each trip's last event."""
        ages = np.zeros(self.trip_count)
        ages[self.trips] = self.ages_days  # events run from old to new: of several writes the newest stays
        return ages

    @cached_property
    def trip_count(self) -> int:
        return int(self.trips.max(initial=-1)) + 1


def trip_keys(events: Events) -> Array:
    """int64[m]: what tells trips of one shopper apart, the basket, or a negative number for the day."""
    days = np.floor_divide(events.times, int(SECONDS_PER_DAY))
    return np.where(events.baskets >= 0, events.baskets, days - 2**62)


def timeline(query: Query) -> Timeline:
    return query.once("timeline", lambda: Timeline(query))


class GroupTable(NamedTuple):
    keys: Array
    """int[g], ascending."""
    values: Array
    """float32[g, len(GROUP_FEATURES)]."""

    def look_up(self, keys: Array) -> Array:
        """float32[n, k]: the row of each key (int[n]); a key the shopper never met has counts 0 and the rest NaN."""
        found = np.empty((len(keys), len(GROUP_FEATURES)), np.float32)
        self.fill(keys, found)
        return found

    def fill(self, keys: Array, found: Array, first: int = 0) -> None:
        """As ``look_up``, into ``found`` from column ``first`` on."""
        _look_up(self.keys, self.values, keys, _NEVER, first, found)


GROUP_FEATURES = (
    "count",  # goal events
    "count_28d",
    "count_84d",
    "weight_7d",  # all events by weight, halved every 7 days
    "weight_30d",
    "weight_120d",
    "days_since_last",
    "days_since_first",
    "gap_days",  # mean days between trips with it
    "due",  # days since the last one over the mean gap: above 1, it is overdue
    "trips_since_last",
    "share_of_trips",  # trips with the group over all trips
    "share_of_recent_trips",  # the same over the last 8 trips
    "quantity",  # mean a goal event
)
_NEVER = np.array([0, 0, 0, 0, 0, 0, *[np.nan] * 5, 0, 0, np.nan], np.float32)
_RECENT_TRIPS = 8


def group_table(line: Timeline, groups: Array) -> GroupTable:
    """Statistics of a shopper's events by group; ``groups`` is int[m], one an event, negative = no group."""
    groups = np.ascontiguousarray(groups, np.int32)
    order = rows_by(groups)  # events of a group stay from old to new
    keys, values = np.empty(len(groups), np.int32), np.empty((len(groups), len(GROUP_FEATURES)), np.float32)
    weights = [decayed(line.query, days) for days in (FAST_DAYS, MIDDLE_DAYS, SLOW_DAYS)]
    events = line.events
    count = _tabulate(
        order, groups, line.ages_days, events.goals, events.quantities, *weights, line.trips, line.trip_count,
        keys, values,
    )  # fmt: skip
    return GroupTable(keys[:count], values[:count])


def item_table(query: Query) -> GroupTable:
    """The table by item, which two hydrators read."""
    return query.once("table.item", lambda: group_table(timeline(query), query.events.items))


@kernel(INT(INT64S, INT32S, REALS, FLAGS, SINGLES, REALS, REALS, REALS, INT64S, INT, TO_INT32S, TO_SINGLE_ROWS))
def _tabulate(
    order: Array,
    groups: Array,
    ages: Array,
    goals: Array,
    quantities: Array,
    fast: Array,
    middle: Array,
    slow: Array,
    trips: Array,
    trip_count: int,
    keys: Array,
    values: Array,
) -> int:
    """Fills ``keys``, ascending, and ``values``, and says how many groups there are."""
    visited = np.full(trip_count, -1, np.int64)  # of each trip the group that was last seen in it
    start = count = 0
    while start < len(order) and groups[order[start]] < 0:
        start += 1
    while start < len(order):
        group, end = groups[order[start]], start
        sums = np.zeros(6)  # count, count_28d, count_84d, weight_7d, weight_30d, weight_120d
        quantity, visits, recent, last_trip = 0.0, 0, 0, -1
        while end < len(order) and groups[order[end]] == group:
            event = order[end]
            if goals[event]:
                sums[0] += 1
                sums[1] += ages[event] <= 28
                sums[2] += ages[event] <= 84
                quantity += quantities[event]
            sums[3] += fast[event]
            sums[4] += middle[event]
            sums[5] += slow[event]
            trip = trips[event]
            last_trip = max(last_trip, trip)
            if visited[trip] != count:
                visited[trip] = count
                visits += 1
                recent += trip >= trip_count - _RECENT_TRIPS
            end += 1
        last, first = ages[order[end - 1]], ages[order[start]]
        gap = (first - last) / (visits - 1) if visits > 1 else np.nan
        row = values[count]
        row[:6] = sums
        row[6], row[7], row[8] = last, first, gap
        row[9] = last / gap if gap > 0 else np.nan
        row[10] = trip_count - 1 - last_trip
        row[11], row[12] = visits / trip_count, recent / min(trip_count, _RECENT_TRIPS)
        row[13] = quantity / sums[0] if sums[0] > 0 else np.nan
        keys[count] = group
        count, start = count + 1, end
    return count


@kernel(NOTHING(INT32S, SINGLE_ROWS, INT32S, SINGLES, INT, TO_SINGLE_ROWS))
def _look_up(keys: Array, values: Array, wanted: Array, never: Array, first: int, found: Array) -> None:
    for row in range(len(wanted)):
        place, span = 0, len(keys)
        while span > 1:  # the last key that is not above the wanted one
            half = span // 2
            place += half if keys[place + half] <= wanted[row] else 0
            span -= half
        known = len(keys) > 0 and keys[place] == wanted[row]
        for column in range(values.shape[1]):
            found[row, first + column] = values[place, column] if known else never[column]
