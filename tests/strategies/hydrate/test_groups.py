"""The columns of a shopper's groups against a reading of their definitions in plain Python, event by event."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.events import Array, Events
from endcap.strategies.contract import Query
from endcap.strategies.hydrate.groups import GROUP_FEATURES, Timeline, group_table, timeline

from ..fakes import NOW, events_of

DAY = 86_400


@dataclass(frozen=True)
class Event:
    ago: int
    group: int
    basket: int
    goal: bool
    weight: float
    quantity: float

    @property
    def age(self) -> float:
        return self.ago / DAY

    @property
    def trip(self) -> tuple[str, int]:
        return ("basket", self.basket) if self.basket >= 0 else ("day", (NOW - self.ago) // DAY)


def naive(events: list[Event], group: int) -> dict[str, float]:
    """As GROUP_FEATURES describes them, oldest event first."""
    own = [event for event in events if event.group == group]
    goals = [event for event in own if event.goal]
    trips = list(dict.fromkeys(event.trip for event in events))
    visited = [trip for trip in trips if any(event.trip == trip for event in own)]
    last, first = own[-1].age, own[0].age
    gap = (first - last) / (len(visited) - 1) if len(visited) > 1 else math.nan
    recent = trips[-8:]
    return {
        "count": len(goals),
        "count_28d": sum(event.age <= 28 for event in goals),
        "count_84d": sum(event.age <= 84 for event in goals),
        "weight_7d": sum(event.weight * 0.5 ** (event.age / 7) for event in own),
        "weight_30d": sum(event.weight * 0.5 ** (event.age / 30) for event in own),
        "weight_120d": sum(event.weight * 0.5 ** (event.age / 120) for event in own),
        "days_since_last": last,
        "days_since_first": first,
        "gap_days": gap,
        "due": last / gap if gap > 0 else math.nan,
        "trips_since_last": len(trips) - 1 - max(trips.index(trip) for trip in visited),
        "share_of_trips": len(visited) / len(trips),
        "share_of_recent_trips": len(set(visited) & set(recent)) / len(recent),
        "quantity": sum(event.quantity for event in goals) / len(goals) if goals else math.nan,
    }


def log_of(events: list[Event]) -> Events:
    return Events(
        items=np.arange(len(events), dtype=np.int32),
        times=np.array([NOW - event.ago for event in events], np.int64),
        weights=np.array([event.weight for event in events], np.float32),
        goals=np.array([event.goal for event in events], np.bool_),
        quantities=np.array([event.quantity for event in events], np.float32),
        values=np.full(len(events), np.nan, np.float32),
        baskets=np.array([event.basket for event in events], np.int64),
    )


def groups_of(events: list[Event]) -> Array:
    return np.array([event.group for event in events], np.int32)


AGES = st.one_of(st.integers(0, 200 * DAY), st.sampled_from([0, DAY, 28 * DAY, 84 * DAY, 84 * DAY + 1]))
EVENTS = st.builds(
    Event,
    ago=AGES,
    group=st.integers(-1, 4),
    basket=st.integers(-1, 6),
    goal=st.booleans(),
    weight=st.sampled_from([0.125, 0.5, 1.0]),
    quantity=st.sampled_from([1.0, 2.0, 0.5]),
)
LOGS = st.lists(EVENTS, max_size=40).map(lambda events: sorted(events, key=lambda event: -event.ago))


@given(LOGS)
def test_every_column_of_every_group_is_what_plain_counting_finds(events: list[Event]) -> None:
    table = group_table(Timeline(Query(now=NOW, history=log_of(events))), groups_of(events))
    assert sorted(table.keys.tolist()) == sorted({event.group for event in events if event.group >= 0})
    assert table.values.dtype == np.float32
    for key, row in zip(table.keys.tolist(), table.values.tolist(), strict=True):
        found = dict(zip(GROUP_FEATURES, row, strict=True))
        assert found == pytest.approx(naive(events, key), rel=1e-5, abs=1e-6, nan_ok=True)


@given(LOGS, st.lists(st.integers(-1, 6)))
def test_looking_up_finds_the_groups_row_and_never_met_groups_have_counts_of_zero(
    events: list[Event], wanted: list[int]
) -> None:
    table = group_table(Timeline(Query(now=NOW, history=log_of(events))), groups_of(events))
    found = table.look_up(np.array(wanted, np.int32))
    assert (found.shape, str(found.dtype)) == ((len(wanted), len(GROUP_FEATURES)), "float32")
    for key, row in zip(wanted, found, strict=True):
        if key in table.keys:
            np.testing.assert_array_equal(row, table.values[table.keys.tolist().index(key)])
        else:
            assert row[:6].tolist() == [0] * 6
            assert dict(zip(GROUP_FEATURES, row.tolist(), strict=True))["share_of_trips"] == 0
            assert np.isnan(row[[6, 7, 8, 9, 10, 13]]).all()


@given(LOGS)
def test_trips_are_numbered_by_their_first_event_and_end_with_their_last(events: list[Event]) -> None:
    line = Timeline(Query(now=NOW, history=log_of(events)))
    trips = list(dict.fromkeys(event.trip for event in events))
    assert line.walked.trips.tolist() == [trips.index(event.trip) for event in events]
    assert line.trip_count == len(trips)
    ends = [min(event.age for event in events if event.trip == trip) for trip in trips]
    np.testing.assert_allclose(line.walked.trip_ages_days, ends)


def test_two_baskets_of_one_moment_that_lie_mixed_in_the_log_are_two_trips() -> None:
    mixed = [Event(DAY, group, basket=group % 2, goal=True, weight=1, quantity=1) for group in range(6)]
    assert Timeline(Query(now=NOW, history=log_of(mixed))).trip_count == 2


def test_a_basket_is_not_taken_for_a_day_nor_a_day_before_1970_for_a_basket() -> None:
    early = events_of((1, NOW + 3 * DAY), (2, NOW + 3 * DAY))
    late = events_of((3, NOW + DAY), basket=3)
    assert Timeline(Query(now=NOW, history=early.then(late))).trip_count == 2


def test_a_request_computes_its_timeline_once() -> None:
    query = Query(now=NOW, history=events_of((1, 5)))
    assert timeline(query) is timeline(query)
    assert timeline(query).walked is timeline(query).walked


def test_recent_trips_are_the_last_eight() -> None:
    daily = [Event(ago=(12 - day) * DAY, group=0, basket=day, goal=True, weight=1, quantity=1) for day in range(12)]
    for since in (3, 4):
        events = [replace(event, group=1) if event.basket == since else event for event in daily]
        found = dict(
            zip(
                GROUP_FEATURES,
                group_table(Timeline(Query(now=NOW, history=log_of(events))), groups_of(events)).values[1],
                strict=True,
            )
        )
        assert found["share_of_recent_trips"] == (0 if since == 3 else 1 / 8)
        assert found["share_of_trips"] == np.float32(1 / 12)
