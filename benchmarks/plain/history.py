"""What a shopper did with each item, title, category and line: one pass over their events, a small object a group."""

from __future__ import annotations

import math
from collections.abc import Callable

from benchmarks.plain.shop import Event

DAY = 86_400
RECENT_TRIPS = 8
FEATURES = (
    "count",
    "count_28d",
    "count_84d",
    "weight_7d",
    "weight_30d",
    "weight_120d",
    "days_since_last",
    "days_since_first",
    "gap_days",
    "due",
    "trips_since_last",
    "share_of_trips",
    "share_of_recent_trips",
    "quantity",
)
NAN = math.nan
NEVER = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, NAN, NAN, NAN, NAN, NAN, 0.0, 0.0, NAN)


class Timeline:
    """A shopper's events with ages, decayed weights and trips."""

    def __init__(self, events: list[Event], now: int) -> None:
        self.events = events
        self.ages = [(now - event.time) / DAY for event in events]
        self.decayed = [
            (
                event.weight * 2.0 ** (age / -7.0),
                event.weight * 2.0 ** (age / -30.0),
                event.weight * 2.0 ** (age / -120.0),
            )
            for event, age in zip(events, self.ages, strict=True)
        ]
        numbers: dict[int, int] = {}
        self.trips = [numbers.setdefault(_trip(event), len(numbers)) for event in events]
        self.trip_ages = [0.0] * len(numbers)
        for trip, age in zip(self.trips, self.ages, strict=True):
            self.trip_ages[trip] = age


def _trip(event: Event) -> int:
    return event.basket if event.basket >= 0 else event.time // DAY - 2**62


class Group:
    """What adds up of one group's events."""

    __slots__ = ("count", "count_28", "count_84", "first", "last", "last_trip", "pieces", "trips", "w7", "w30", "w120")

    def __init__(self, age: float) -> None:
        self.count = self.count_28 = self.count_84 = 0
        self.w7 = self.w30 = self.w120 = self.pieces = 0.0
        self.first, self.last, self.last_trip = age, age, -1
        self.trips: set[int] = set()

    def add(self, event: Event, age: float, decayed: tuple[float, float, float], trip: int) -> None:
        if event.goal:
            self.count += 1
            self.count_28 += age <= 28
            self.count_84 += age <= 84
            self.pieces += event.quantity
        self.w7 += decayed[0]
        self.w30 += decayed[1]
        self.w120 += decayed[2]
        self.last = age
        self.last_trip = max(self.last_trip, trip)
        self.trips.add(trip)

    def features(self, trip_count: int) -> tuple[float, ...]:
        visits = len(self.trips)
        recent = sum(trip >= trip_count - RECENT_TRIPS for trip in self.trips)
        gap = (self.first - self.last) / (visits - 1) if visits > 1 else NAN
        return (
            self.count,
            self.count_28,
            self.count_84,
            self.w7,
            self.w30,
            self.w120,
            self.last,
            self.first,
            gap,
            self.last / gap if gap else NAN,
            trip_count - 1 - self.last_trip,
            visits / trip_count,
            recent / min(trip_count, RECENT_TRIPS),
            self.pieces / self.count if self.count else NAN,
        )


class Groups:
    """FEATURES of each group that the shopper met, as dicts with names, made when a candidate first asks for it."""

    def __init__(self, line: Timeline, group_of: Callable[[int], int], prefix: str) -> None:
        """``group_of`` an item below 0 is none."""
        self.names = [f"{prefix}.{name}" for name in FEATURES]
        self.trip_count = len(line.trip_ages)
        self.never = dict(zip(self.names, NEVER, strict=True))
        self.told: dict[int, dict[str, float]] = {}
        self.groups: dict[int, Group] = {}
        for event, age, decayed, trip in zip(line.events, line.ages, line.decayed, line.trips, strict=True):
            key = group_of(event.item)
            if key >= 0:
                group = self.groups.get(key)
                if group is None:
                    group = self.groups[key] = Group(age)
                group.add(event, age, decayed, trip)

    def of(self, key: int) -> dict[str, float]:
        if key not in self.groups:
            return self.never
        if key not in self.told:
            self.told[key] = dict(zip(self.names, self.groups[key].features(self.trip_count), strict=True))
        return self.told[key]


def shopper_features(line: Timeline) -> dict[str, float]:
    """How often they shop, how much, how much of it again."""
    events, ages = line.events, line.trip_ages
    if not events:
        nothing = dict.fromkeys(("trips", "trips_28d", "items_a_trip", "distinct_items", "session_events"), 0.0)
        return {f"shopper.{name}": value for name, value in nothing.items()}
    distinct = len({event.item for event in events})
    values = [event.value for event in events if event.value == event.value]
    found = {
        "trips": len(ages),
        "trips_28d": sum(age <= 28 for age in ages),
        "days_since_last_trip": ages[-1],
        "trip_gap_days": (ages[0] - ages[-1]) / (len(ages) - 1) if len(ages) > 1 else NAN,
        "tenure_days": ages[0],
        "items_a_trip": len(events) / len(ages),
        "distinct_items": distinct,
        "repeat_share": 1.0 - distinct / len(events),
        "value_an_item": sum(values) / len(values) if values else NAN,
        "session_events": 0,
    }
    return {f"shopper.{name}": value for name, value in found.items()}
