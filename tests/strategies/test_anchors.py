from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.strategies.anchors import anchors, decay, decayed, strengths_of
from endcap.strategies.contract import Query

from .fakes import NOW, events_of

DAY = 86_400


def test_weights_halve_every_half_life() -> None:
    ages = np.array([0, 3 * DAY, 6 * DAY, -3 * DAY])
    np.testing.assert_allclose(decay(ages, 3.0), [1, 0.5, 0.25, 2])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 90 * DAY)), max_size=30))
def test_an_items_strength_is_the_sum_of_its_decayed_events(rows: list[tuple[int, int]]) -> None:
    items, strengths = strengths_of(Query(now=NOW, history=events_of(*rows, weight=0.5)), 10.0)
    assert items.tolist() == sorted({item for item, _ in rows})
    for item, strength in zip(items, strengths, strict=True):
        expected = sum(0.5 * 0.5 ** (ago / (10 * DAY)) for each, ago in rows if each == item)
        assert strength == pytest.approx(expected, rel=1e-5)


EVENTS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 60, DAY, 40 * DAY]), st.booleans()), max_size=30)


@given(EVENTS)
def test_of_what_was_only_looked_at_nothing_is_left_where_goals_alone_count(rows: list[tuple[int, int, bool]]) -> None:
    history = events_of(*((item, ago) for item, ago, _ in rows), weight=0.5)
    history.goals[:] = [goal for _, _, goal in rows]
    items, strengths = strengths_of(Query(now=NOW, history=history), 10.0, goals_only=True)
    for item, strength in zip(items, strengths, strict=True):
        expected = sum(0.5 * 0.5 ** (ago / (10 * DAY)) for each, ago, goal in rows if goal and each == item)
        assert strength == pytest.approx(expected, rel=1e-6)


@given(EVENTS)
def test_every_event_fades_by_its_own_age(rows: list[tuple[int, int, bool]]) -> None:
    history = events_of(*((item, ago) for item, ago, _ in rows), weight=0.5)
    expected = 0.5 * decay(np.array([ago for _, ago, _ in rows]), 10.0)
    np.testing.assert_allclose(decayed(Query(now=NOW, history=history), 10.0), expected, rtol=1e-12)


def test_the_strongest_items_stand_for_a_shopper_and_ties_go_by_item_number() -> None:
    query = Query(now=NOW, history=events_of((8, 50), (3, 50), (5, 50), (5, 50), (1, 40 * DAY)))
    found = anchors(query, 10.0, 3)
    assert found.items.tolist() == [5, 3, 8]
    assert found.weights[0] == pytest.approx(2, rel=1e-4)


def test_the_session_counts_with_the_history() -> None:
    query = Query(now=NOW, history=events_of((1, 5 * DAY)), session=events_of((2, 1)))
    assert anchors(query, 5.0, 9).items.tolist() == [2, 1]


def test_seeds_replace_what_the_shopper_did_and_weigh_one_each() -> None:
    query = Query(now=NOW, history=events_of((1, 5)), seeds=np.array([9, 4, 9], np.int32))
    found = anchors(query, 5.0, 9)
    assert (found.items.tolist(), found.weights.tolist()) == ([4, 9], [1, 1])


def test_what_decayed_to_nothing_stands_for_nobody() -> None:
    query = Query(now=NOW, history=events_of((1, 4000 * DAY)))
    assert len(anchors(query, 3.0, 9).items) == 0
    assert len(anchors(replace(query, history=events_of((1, 30 * DAY))), 3.0, 9).items) == 1


def test_a_guest_of_whom_nothing_is_known_has_no_anchors() -> None:
    assert len(anchors(Query(now=NOW), 3.0, 9).items) == 0
