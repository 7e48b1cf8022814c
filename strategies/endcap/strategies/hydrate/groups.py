"""How a shopper's events spread over groups of items (an item, a title, a category, a brand), and their rhythm.

One pass over the shopper's events for each kind of group; candidates then look their group up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.strategies.anchors import decayed
from endcap.strategies.contract import NO_ITEMS, Query
from endcap.strategies.hydrate import tabulation
from endcap.strategies.hydrate.tabulation import slots_for

FAST_DAYS, MIDDLE_DAYS, SLOW_DAYS = 7.0, 30.0, 120.0


@dataclass(frozen=True)
class Timeline:
    """A shopper's events with their ages and the trips they belong to, computed once a request."""

    query: Query

    @property
    def events(self) -> Events:
        return self.query.events

    @cached_property
    def walked(self) -> Walked:
        events = self.events
        ages, trips = np.empty(len(events)), np.empty(len(events), np.int64)
        trip_ages, seen = np.empty(len(events)), np.empty(len(events), np.int64)
        count = tabulation.walk(
            self.query.now, events.times, trip_keys(events), slots_for(len(events)), seen, ages, trips, trip_ages
        )
        return Walked(ages, trips, trip_ages[:count])

    @property
    def trip_count(self) -> int:
        return len(self.walked.trip_ages_days)


class Walked(NamedTuple):
    ages_days: Array
    """float64[m]."""
    trips: Array
    """int64[m], from 0 by first event: the events of one basket, or of one day where baskets are unknown.

    Trips can interleave: where times are whole days, two baskets of a day lie mixed in the log.
    """
    trip_ages_days: Array
    """float64[trips] since each trip's last event."""


def trip_keys(events: Events) -> Array:
    """int64[m]: what tells trips of one shopper apart, the basket, or a negative number for the day."""
    keys = np.empty(len(events), np.int64)
    tabulation.name_trips(events.times, events.baskets, keys)
    return keys


def timeline(query: Query) -> Timeline:
    return query.once("timeline", lambda: Timeline(query))


class GroupTable(NamedTuple):
    keys: Array
    """int32[g]: the groups that the shopper met."""
    values: Array
    """float32[g, len(GROUP_FEATURES)]."""
    slots: Array
    """int32[s]: the places of the keys, by their hash."""

    def look_up(self, items: Array, group_of: Array = NO_ITEMS, found: Array | None = None, first: int = 0) -> Array:
        """float32[n, k]: the row of the group of each item (int32[n]); a group the shopper never met has counts 0 and
        the rest NaN. Without ``group_of`` (int32, by item) each item is a group. Into ``found`` from column ``first``
        on, where it is given."""
        if found is None:
            found = np.empty((len(items), len(GROUP_FEATURES)), np.float32)
        tabulation.look_up(self.slots, self.keys, self.values, items, group_of, _NEVER, first, found)
        return found

    def compare(self, items: Array, found: Array, first: int) -> None:
        """Fills the columns that set an item's own values, which stand in this table, beside its group's, which stand
        in ``found`` from column ``first`` on."""
        tabulation.compare(self.slots, self.keys, self.values, items, _NEVER, first, found)


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


def group_table(line: Timeline, group_of: Array = NO_ITEMS) -> GroupTable:
    """Statistics of a shopper's events by group (``group_of`` is int32, by item; negative = no group)."""
    events, (ages, trips, trip_ages) = line.events, line.walked
    keys, values = np.empty(len(events), np.int32), np.empty((len(events), len(GROUP_FEATURES)), np.float32)
    slots = slots_for(len(events))
    weights = [decayed(line.query, days) for days in (FAST_DAYS, MIDDLE_DAYS, SLOW_DAYS)]
    count = tabulation.tabulate(
        events.items, group_of, ages, events.goals, events.quantities, *weights, trips, len(trip_ages),
        slots, keys, values,
    )  # fmt: skip
    return GroupTable(keys[:count], values[:count], slots)


def item_table(query: Query) -> GroupTable:
    """The table by item, which two hydrators read."""
    return query.once("table.item", lambda: group_table(timeline(query)))
