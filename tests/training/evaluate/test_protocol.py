from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from endcap.bundle.manifest import Clock
from endcap.training.errors import DataError
from endcap.training.evaluate.protocol import LEAST_EVENTS, Holdout, in_window, leave_one_out, temporal, window_start
from endcap.training.shop import Shop

from ..made import DAY, START, busy_shop, shop_of

OFTEN = [(2, item, day / 10) for item in (0, 1) for day in range(LEAST_EVENTS)]
"""Makes items 0 and 1 warm."""


def row_of(holdout: Holdout, user: int) -> int:
    return int(np.flatnonzero(holdout.users == user)[0])


def test_truth_is_what_each_shopper_went_for_in_the_last_days() -> None:
    shop = shop_of([*OFTEN, (0, 0, 20), (0, 0, 95), (0, 1, 96), (0, 1, 99), (1, 0, 80)])
    holdout = temporal(shop, 10, seed=1)
    assert holdout.users.tolist() == [0]
    assert holdout.truth.of(0).tolist() == [0, 1]
    assert holdout.new.of(0).tolist() == [1]
    assert (holdout.asked_at == holdout.cutoff).all()


def test_items_with_fewer_earlier_events_are_cold_and_no_part_of_the_truth() -> None:
    shop = shop_of([*OFTEN, (0, 0, 95), (0, 4, 96), (2, 4, 3)])
    holdout = temporal(shop, 10, seed=1)
    assert holdout.truth.of(0).tolist() == [0]
    assert holdout.cold.of(0).tolist() == [4]
    assert holdout.everything.of(0).tolist() == [0, 4]


def test_shoppers_without_earlier_events_are_no_regulars() -> None:
    holdout = temporal(shop_of([*OFTEN, (0, 0, 95), (2, 0, 96)]), 10, seed=1)
    assert dict(zip(holdout.users.tolist(), holdout.regulars.tolist(), strict=True)) == {0: False, 2: True}


def test_views_are_neither_truth_nor_bought_before() -> None:
    rows = [*OFTEN, (0, 0, 20), (0, 0, 95), (0, 1, 96)]
    holdout = temporal(shop_of(rows, goals=[True] * len(OFTEN) + [False, True, False]), 10, seed=1)
    assert holdout.truth.of(0).tolist() == [0]
    assert holdout.new.of(0).tolist() == [0]
    assert holdout.bought(0).tolist() == []


@pytest.mark.parametrize("protocol", [lambda shop: temporal(shop, 20, 1), lambda shop: leave_one_out(shop, 1)])
def test_nothing_that_is_asked_for_is_known(protocol: Any) -> None:
    shop = busy_shop()
    holdout: Holdout = protocol(shop)
    assert len(holdout.users) > 20
    for row in range(len(holdout.users)):
        history = holdout.history(row)
        assert (history.times <= holdout.asked_at[row]).all()
        assert len(history) < len(shop.histories.of(int(holdout.users[row])))


def test_whole_days_are_calendar_days_and_the_last_is_that_of_the_last_event() -> None:
    shop = replace(shop_of(OFTEN), data_end=START + 9 * DAY + 3600)
    assert window_start(shop, 3) == START + 7 * DAY
    assert window_start(shop, 0.5) == START + 9 * DAY + 3600 - DAY // 2


def test_a_plain_order_has_no_calendar() -> None:
    shop = replace(shop_of(OFTEN), data_end=START + 9 * DAY + 3600, clock=Clock(kind="order"))
    assert window_start(shop, 3) == START + 6 * DAY + 3600


@pytest.mark.parametrize("days", [0.01, 100.0, 4000.0])
def test_a_window_without_events_in_it_or_before_it_says_what_there_is(days: float) -> None:
    shop = replace(shop_of([(0, 0, 5), (0, 1, 90)]), data_end=START + 99 * DAY)
    with pytest.raises(DataError, match=r"events span 99\.0 days, choose another --holdout-days"):
        temporal(shop, days, seed=1)


def test_leave_one_out_holds_back_the_last_goal_event_and_what_came_after() -> None:
    rows = [*OFTEN, (0, 0, 10), (0, 1, 30), (0, 0, 40), (1, 1, 7)]
    goals = [True] * len(OFTEN) + [True, True, False, True]
    holdout = leave_one_out(shop_of(rows, goals=goals), seed=1)
    row = row_of(holdout, 0)
    assert holdout.truth.of(row).tolist() == holdout.new.of(row).tolist() == [1]
    assert holdout.asked_at[row] == START + 30 * DAY
    assert holdout.history(row).items.tolist() == [0]
    assert 1 not in holdout.users  # nothing before it


def test_leave_one_out_of_shoppers_with_one_event_each_says_what_it_needs() -> None:
    with pytest.raises(DataError, match="another event before it"):
        leave_one_out(shop_of([(0, 0, 1), (1, 1, 2)]), seed=1)


def test_more_shoppers_than_are_asked_about_are_drawn_by_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("endcap.training.evaluate.protocol.MOST_SHOPPERS", 7)
    shop = busy_shop()
    one, same, other = (temporal(shop, 20, seed) for seed in (1, 1, 2))
    assert len(one.users) == 7
    assert one.users.tolist() == same.users.tolist() != other.users.tolist()
    whole = leave_truth(shop)
    assert all(one.everything.of(row).tolist() == whole[int(user)] for row, user in enumerate(one.users))


def leave_truth(shop: Shop) -> dict[int, list[int]]:
    users, log = shop.between(window_start(shop, 20), shop.data_end)
    pairs = {(int(user), int(item)) for user, item, goal in zip(users, log.items, log.goals, strict=True) if goal}
    return {user: sorted(item for owner, item in pairs if owner == user) for user, _ in pairs}


def test_an_empty_window_asks_about_nobody() -> None:
    holdout = in_window(shop_of(OFTEN), START + 50 * DAY, START + 60 * DAY, seed=1)
    assert len(holdout.users) == len(holdout.truth) == 0
    assert holdout.regulars.tolist() == []
    assert isinstance(holdout.asked_at, np.ndarray)
