"""Machine code for what one shopper's events come to, by trip and by group of items.

Keys find their places by small hash tables with open addressing, made anew for each request: a shopper has hundreds of
events, and candidates look up thousands of keys.
"""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
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
    TO_REALS,
    TO_SINGLE_ROWS,
    compiled,
    filled,
    kernel,
)

DAY = 86_400
RECENT_TRIPS = 8
COLUMNS = 14
COUNT, LAST = 0, 6
"""Places among GROUP_FEATURES, see groups.py."""


def slots_for(keys: int) -> Array:
    """int32[a power of two], at least twice as many as keys, so that a search soon meets an empty one."""
    return np.full(2 << max(keys, 1).bit_length(), -1, np.int32)


@compiled
def _slot(slots: Array, keys: Array, key: int) -> np.int64:
    """Where the number of the key's place stands, or would stand."""
    last = len(slots) - 1
    at = (np.int64(key) * np.int64(-7046029254386353131) >> np.int64(40)) & last  # 2**64 over the golden ratio
    while slots[at] >= 0 and keys[slots[at]] != key:
        at = (at + 1) & last
    return at


@kernel(NOTHING(INT64S, INT64S, filled(INT)))
def name_trips(times: Array, baskets: Array, keys: Array) -> None:
    """Fills ``keys`` with what tells trips of one shopper apart: the basket, or a negative number for the day."""
    for event in range(len(times)):
        keys[event] = baskets[event] if baskets[event] >= 0 else times[event] // DAY - 2**62


@kernel(INT(INT, INT64S, INT64S, TO_INT32S, filled(INT), TO_REALS, filled(INT), TO_REALS))
def walk(
    now: int, times: Array, keys: Array, slots: Array, seen: Array, ages: Array, trips: Array, trip_ages: Array
) -> int:
    """Of each event its age in days and the number of its trip; of each trip the age of its last event. ``keys`` tell
    trips apart; ``seen`` is room for them. Says how many trips there are."""
    count = 0
    for event in range(len(times)):
        ages[event] = (now - times[event]) / DAY
        if event and keys[event] == keys[event - 1]:
            trip = trips[event - 1]
        else:
            at = _slot(slots, seen, keys[event])
            if slots[at] < 0:
                slots[at], seen[count] = count, keys[event]
                count += 1
            trip = np.int64(slots[at])
        trips[event], trip_ages[trip] = trip, ages[event]  # from old to new: of several writes the newest stays
    return count


@compiled
def _by_trip(trips: Array, trip_count: int) -> Array:
    """int64[m]: events by trip, those of one as they stand; trips that interleave are taken apart."""
    starts = np.zeros(trip_count + 1, np.int64)
    for trip in trips:
        starts[trip + 1] += 1
    for trip in range(trip_count):
        starts[trip + 1] += starts[trip]
    order = np.empty(len(trips), np.int64)
    for event in range(len(trips)):
        order[starts[trips[event]]] = event
        starts[trips[event]] += 1
    return order


@kernel(
    INT(
        INT32S, INT32S, REALS, FLAGS, SINGLES, REALS, REALS, REALS, INT64S, INT, TO_INT32S, TO_INT32S, TO_SINGLE_ROWS
    )
)  # fmt: skip
def tabulate(
    items: Array,
    group_of: Array,
    ages: Array,
    goals: Array,
    quantities: Array,
    fast: Array,
    middle: Array,
    slow: Array,
    trips: Array,
    trip_count: int,
    slots: Array,
    keys: Array,
    values: Array,
) -> int:
    """Fills ``slots``, ``keys`` and ``values`` (GROUP_FEATURES) for the groups of the events' items, negative ones left
    out, and says how many there are. An empty ``group_of``: each item is a group."""
    sums = np.empty((len(items), 7))  # count, count_28d, count_84d, weight_7d, weight_30d, weight_120d, quantity
    first, last = np.empty(len(items)), np.empty(len(items))
    visits, recent, last_trip = np.empty((3, len(items)), np.int64)
    count = 0
    for event in _by_trip(trips, trip_count):
        group = group_of[items[event]] if len(group_of) else items[event]
        if group < 0:
            continue
        at, age, trip = _slot(slots, keys, group), ages[event], trips[event]
        if slots[at] < 0:
            slots[at], keys[count] = count, group
            sums[count] = 0.0
            first[count], last[count], last_trip[count] = age, age, -1
            visits[count] = recent[count] = 0
            count += 1
        place = slots[at]
        if goals[event]:
            sums[place, 0] += 1
            sums[place, 1] += age <= 28
            sums[place, 2] += age <= 84
            sums[place, 6] += quantities[event]
        sums[place, 3] += fast[event]
        sums[place, 4] += middle[event]
        sums[place, 5] += slow[event]
        first[place], last[place] = max(first[place], age), min(last[place], age)
        if last_trip[place] != trip:
            last_trip[place] = trip
            visits[place] += 1
            recent[place] += trip >= trip_count - RECENT_TRIPS
    for place in range(count):
        row, met = values[place], visits[place]
        gap = (first[place] - last[place]) / (met - 1) if met > 1 else np.nan
        row[:6] = sums[place, :6]
        row[6], row[7], row[8] = last[place], first[place], gap
        row[9] = last[place] / gap if gap > 0 else np.nan
        row[10] = trip_count - 1 - last_trip[place]
        row[11], row[12] = met / trip_count, recent[place] / min(trip_count, RECENT_TRIPS)
        row[13] = sums[place, 6] / sums[place, 0] if sums[place, 0] > 0 else np.nan
    return count


@kernel(NOTHING(TO_INT32S, INT32S, SINGLE_ROWS, INT32S, INT32S, SINGLES, INT, TO_SINGLE_ROWS))
def look_up(
    slots: Array, keys: Array, values: Array, items: Array, group_of: Array, never: Array, first: int, found: Array
) -> None:
    """The values of each item's group, into ``found`` from column ``first`` on; ``never`` of those not met."""
    for row in range(len(items)):
        key = group_of[items[row]] if len(group_of) else items[row]
        place = slots[_slot(slots, keys, key)] if key >= 0 else -1
        for column in range(COLUMNS):
            found[row, first + column] = values[place, column] if place >= 0 else never[column]


@kernel(NOTHING(TO_INT32S, INT32S, SINGLE_ROWS, INT32S, SINGLES, INT, TO_SINGLE_ROWS))
def compare(slots: Array, keys: Array, values: Array, items: Array, never: Array, first: int, found: Array) -> None:
    """Fills the two columns WITHIN_GROUP behind a group's, of the item's own values and its group's, which stand from
    ``first`` on."""
    for row in range(len(items)):
        place, count = slots[_slot(slots, keys, items[row])], found[row, first + COUNT]
        own = values[place, COUNT] if place >= 0 else never[COUNT]
        own_last = values[place, LAST] if place >= 0 else never[LAST]
        found[row, first + COLUMNS] = own / count if count > 0 else np.float32(np.nan)
        found[row, first + COLUMNS + 1] = own_last - found[row, first + LAST]
