from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.training.errors import DataError
from endcap.training.ranker.windows import Window, cut, labels_in
from endcap.training.shop import Shop

from ..made import DAY, START, shop_of


def test_windows_lie_back_to_back_the_newest_first() -> None:
    windows = cut(shop_of([], days=100), horizon_days=28, count=3)
    end = START + 100 * DAY
    assert [window.end for window in windows] == [end, end - 28 * DAY, end - 56 * DAY]
    assert [window.cutoff for window in windows] == [end - 28 * DAY, end - 56 * DAY, end - 84 * DAY]


def test_data_too_short_for_the_windows_and_a_history_say_what_would_fit() -> None:
    assert cut(shop_of([], days=98), horizon_days=28, count=3)
    with pytest.raises(DataError, match=r"span 97.0 days, too few for 3 windows of 28 days.*horizon_days to 19 or"):
        cut(shop_of([], days=97), horizon_days=28, count=3)
    assert cut(shop_of([], days=97), horizon_days=19, count=3)


DAYS = st.one_of(st.floats(0, 99), st.sampled_from([40.0, 60.0, 70.0, 80.0]))
"""The latter are the very moments at which windows begin and end."""
ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), DAYS, st.booleans()), max_size=40)


@given(ROWS)
def test_labels_are_each_shoppers_distinct_goal_items_of_the_window(rows: list[tuple[int, int, float, bool]]) -> None:
    shop = shop_of([row[:3] for row in rows], items=5, users=4, goals=[row[3] for row in rows])
    window = Window(START + 40 * DAY, START + 70 * DAY)
    labels = labels_in(shop, window)
    expected = naive(shop, window)
    assert labels.users.tolist() == sorted(expected)
    assert {int(user): labels.of(place).tolist() for place, user in enumerate(labels.users)} == expected


def naive(shop: Shop, window: Window) -> dict[int, list[int]]:
    found: dict[int, set[int]] = {}
    for user, item, time, goal in zip(shop.users, shop.log.items, shop.log.times, shop.log.goals, strict=True):
        if goal and window.cutoff <= time < window.end:
            found.setdefault(int(user), set()).add(int(item))
    return {user: sorted(items) for user, items in sorted(found.items())}


@given(ROWS)
def test_what_a_window_labels_no_feature_of_its_cut_off_has_seen(rows: list[tuple[int, int, float, bool]]) -> None:
    shop = shop_of([row[:3] for row in rows], items=5, users=4)
    for window in cut(shop, 20.0, 3):
        known, (_, seen) = shop.before(window.cutoff), shop.between(window.cutoff, window.end)
        assert known.data_end == window.cutoff
        assert (known.log.times < window.cutoff).all()
        assert (seen.times >= window.cutoff).all()
        later = np.count_nonzero(shop.log.times >= window.end)
        assert len(known.log) + len(seen) + later == len(shop.log)
