"""How a shopper's events spread over groups of items (an item, a title, a category, a brand), and their rhythm.

One pass of numpy over the shopper's events for each kind of group; candidates then look their group up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.strategies.anchors import decay
from endcap.strategies.contract import SECONDS_PER_DAY, Query

FAST_DAYS, MIDDLE_DAYS, SLOW_DAYS = 7.0, 30.0, 120.0


@dataclass(frozen=True)
class Timeline:
    """A shopper's events with their ages and the trips they belong to, computed once a request."""

    now: int
    events: Events

    @cached_property
    def ages_days(self) -> Array:
        """float64[m]."""
        return (self.now - self.events.times) / SECONDS_PER_DAY

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

    @cached_property
    def decayed(self) -> dict[float, Array]:
        """float64[m] for each half-life: the events' weights, decayed."""
        ages = self.now - self.events.times
        return {days: self.events.weights * decay(ages, days) for days in (FAST_DAYS, MIDDLE_DAYS, SLOW_DAYS)}


def trip_keys(events: Events) -> Array:
    """int64[m]: what tells trips of one shopper apart, the basket, or a negative number for the day."""
    days = np.floor_divide(events.times, int(SECONDS_PER_DAY))
    return np.where(events.baskets >= 0, events.baskets, days - 2**62)


def timeline(query: Query) -> Timeline:
    return query.once("timeline", lambda: Timeline(query.now, query.events))


class GroupTable(NamedTuple):
    keys: Array
    """int[g], ascending."""
    values: Array
    """float32[g, len(GROUP_FEATURES)]."""

    def look_up(self, keys: Array) -> Array:
        """float32[n, k]: the row of each key (int[n]); a key the shopper never met has counts 0 and the rest NaN."""
        found = np.repeat(_NEVER[None, :], len(keys), axis=0)
        if len(self.keys):
            places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            hits = self.keys[places] == keys
            found[hits] = self.values[places[hits]]
        return found


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
    known = np.flatnonzero(groups >= 0)
    keys, rows = np.unique(groups[known], return_inverse=True)
    if not len(keys):
        return GroupTable(keys, np.empty((0, len(GROUP_FEATURES)), np.float32))
    counts = _counts(line, known, rows, len(keys))
    rhythm = _rhythm(line, known, rows, len(keys))
    with np.errstate(divide="ignore", invalid="ignore"):
        quantity = np.bincount(rows, line.events.quantities[known] * line.events.goals[known], len(keys)) / counts[0]
    values = np.column_stack([*counts, *rhythm, quantity]).astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    return GroupTable(keys, values)


def item_table(query: Query) -> GroupTable:
    """The table by item, which two hydrators read."""
    return query.once("table.item", lambda: group_table(timeline(query), query.events.items))


def _counts(line: Timeline, known: Array, rows: Array, size: int) -> list[Array]:
    ages, goals = line.ages_days[known], line.events.goals[known]
    windows = [goals, goals & (ages <= 28), goals & (ages <= 84)]
    return [np.bincount(rows, of, size) for of in (*windows, *(w[known] for w in line.decayed.values()))]


def _rhythm(line: Timeline, known: Array, rows: Array, size: int) -> list[Array]:
    """From days_since_last to share_of_recent_trips, in the order of GROUP_FEATURES."""
    ages, trips = line.ages_days[known], line.trips[known]
    last, first, last_trip = np.empty(size), np.empty(size), np.full(size, -1.0)
    last[rows] = ages  # rows run from old to new: of several writes the newest stays
    first[rows[::-1]] = ages[::-1]
    np.maximum.at(last_trip, rows, trips)
    visits, recent = _visits(rows, trips, size, line.trip_count)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.where(visits > 1, (first - last) / (visits - 1), np.nan)
        due = last / gap
    shares = [visits / line.trip_count, recent / min(line.trip_count, _RECENT_TRIPS)]
    return [last, first, gap, due, line.trip_count - 1 - last_trip, *shares]


def _visits(rows: Array, trips: Array, size: int, trip_count: int) -> tuple[Array, Array]:
    """For each group the trips with it, and how many of those are among the last ones; each trip counts once."""
    distinct = np.unique(rows * trip_count + trips)
    groups, recent = distinct // trip_count, distinct % trip_count >= trip_count - _RECENT_TRIPS
    return np.bincount(groups, minlength=size), np.bincount(groups, recent, size)
