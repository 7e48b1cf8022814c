from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from endcap.training.cleaning_report import Drop
from endcap.training.errors import DataError

from .conftest import EVENTS, ReadShop

DAY = 86_400
START = 1_767_225_600  # 2026-01-01


def events(*rows: tuple[Any, ...], columns: str = "user_id item_id event_type time") -> pl.DataFrame:
    return pl.DataFrame(rows, schema=columns.split(), orient="row", strict=False)


def sold(*rows: tuple[Any, ...], columns: str) -> pl.DataFrame:
    """Purchases of item a by shopper u; ``columns`` are the ones that differ, besides the time."""
    filled = [("u", "a", "purchase", time, *more) for time, *more in rows]
    return events(*filled, columns=f"user_id item_id event_type time {columns}")


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_events_are_numbered_and_sorted_by_shopper_time_and_item(read: ReadShop, suffix: str) -> None:
    rows = [("u2", "b", "view", START), ("u1", "c", "purchase", START + 1), ("u2", "a", "view", START)]
    shop = read(events(*rows), suffix=suffix)
    assert shop.user_ids == ["u1", "u2"]
    assert shop.users.tolist() == [0, 1, 1]
    assert shop.log.items.tolist() == [2, 0, 1]
    assert shop.log.times.tolist() == [START + 1, START, START]
    assert shop.log.weights.tolist() == pytest.approx([1.0, 0.1, 0.1])
    assert shop.log.goals.tolist() == [True, False, False]
    assert (shop.data_start, shop.data_end) == (START, START + 2)


def test_amounts_and_baskets_that_the_table_lacks_are_unknown(read: ReadShop) -> None:
    log = read().log
    assert log.quantities.tolist() == [1, 1, 1]
    assert np.isnan(log.values).all()
    assert log.baskets.tolist() == [-1, -1, -1]


def test_columns_are_found_under_the_shops_names(read: ReadShop) -> None:
    renamed = pl.DataFrame(EVENTS).rename({"user_id": "household", "time": "at"})
    assert len(read(renamed, events_toml='columns = { user_id = "household", time = "at" }').log) == 3


def test_ids_may_be_whole_numbers(read: ReadShop) -> None:
    items = {"item_id": [10, 9], "title": ["Ten", "Nine"]}
    shop = read(events((1, 10, "purchase", 1), (1, 9, "purchase", 2)), items)
    assert shop.item_ids == ["10", "9"]
    assert shop.user_ids == ["1"]
    assert shop.log.items.tolist() == [0, 1]


def test_an_order_becomes_a_year_of_seconds(read: ReadShop) -> None:
    shop = read(events(("u", "a", "purchase", 10), ("u", "b", "purchase", 15), ("u", "c", "purchase", 20)))
    assert shop.clock.kind == "order"
    assert shop.log.times.tolist() == [0, 365 * DAY // 2, 365 * DAY]


@pytest.mark.parametrize(
    ("rows", "reason", "example"),
    [
        ([(None, "a", "purchase", 1)], "no user_id", "row 2"),
        ([("u", "", "purchase", 1)], "no item_id", "row 2"),
        ([("u", "a", "purchase", None)], "no time", "row 2"),
        ([("u", "a", None, 1)], "no event_type", "row 2"),
        ([("u", "a", "wish", 1)], "an event type without a weight", "row 2: event_type 'wish'"),
        ([("u", "x", "view", 1)], "an item that is not in the items table", "row 2: item_id 'x'"),
        ([("u", "a", "purchase", 5)], "repeats another row", "row 2"),
        (
            [("v", "a", "view", 5), ("v", "b", "view", 5)],
            "a bot: a shopper with more than 1 events in a day",
            "user_id 'v'",
        ),
    ],
)
def test_an_unusable_row_is_dropped_and_the_reason_given(
    read: ReadShop, rows: list[tuple[Any, ...]], reason: str, example: str
) -> None:
    shop = read(events(("u", "a", "purchase", 5), *rows), events_toml="max_per_day = 1")
    assert len(shop.log) == 1
    (drop,) = shop.report.drops
    assert (drop.table, drop.reason, drop.count) == ("events", reason, len(rows))
    assert drop.example.startswith(example)


def test_a_return_is_no_purchase_but_a_view_may_have_quantity_0(read: ReadShop) -> None:
    rows = [("u", "a", "purchase", 1, 2), ("u", "b", "purchase", 2, -1), ("u", "b", "view", 3, 0)]
    shop = read(events(*rows, columns="user_id item_id event_type time quantity"))
    assert shop.log.items.tolist() == [0, 1]
    assert shop.log.quantities.tolist() == [2, 1]
    assert shop.report.drops == [Drop("events", "nothing sold: a quantity of 0 or less", 1, "row 2: quantity -1.0")]


def test_rows_of_one_event_with_different_amounts_are_added_up(read: ReadShop) -> None:
    shop = read(sold((1, "b1", 2, 3.0), (1, "b1", 1, 1.5), (1, "b2", 1, 1.5), columns="basket_id quantity value"))
    assert shop.log.baskets.tolist() == [0, 1]
    assert shop.log.quantities.tolist() == [3, 1]
    assert shop.log.values.tolist() == [4.5, 1.5]
    assert shop.report.drops == [Drop("events", "added to another row of the same event", 1, "row 1")]


def test_a_missing_quantity_counts_as_one_and_missing_values_stay_missing(read: ReadShop) -> None:
    rows = [(1, None, None), (1, 4, None), (2, 1, 2.0), (2, 2, None)]
    shop = read(sold(*rows, columns="quantity value"))
    assert shop.log.quantities.tolist() == [5, 3]
    np.testing.assert_array_equal(shop.log.values, [np.nan, 2])


def test_without_event_ids_equal_rows_are_one_event(read: ReadShop) -> None:
    shop = read(sold((1, "b", 2), (1, "b", 2), columns="basket_id quantity"))
    assert shop.log.quantities.tolist() == [2]
    assert [drop.reason for drop in shop.report.drops] == ["repeats another row"]


def test_event_ids_say_which_equal_rows_are_repetitions(read: ReadShop) -> None:
    shop = read(sold((1, "e1", 2), (1, "e2", 2), (1, "e1", 2), (1, None, 3), columns="event_id quantity"))
    assert shop.log.quantities.tolist() == [7]
    assert [(drop.reason, drop.count) for drop in shop.report.drops] == [
        ("a repeated event_id", 1),
        ("added to another row of the same event", 2),
    ]


def test_a_bot_is_judged_by_its_busiest_day_and_dropped_whole(read: ReadShop) -> None:
    bot = [("bot", "a", "view", START + second) for second in range(3)] + [("bot", "a", "view", START + 9 * DAY)]
    calm = [("calm", "a", "purchase", START + day * DAY) for day in range(5)]
    shop = read(events(*bot, *calm), events_toml="max_per_day = 2")
    assert shop.user_ids == ["calm"]
    assert shop.report.drops[0].count == 4
    assert shop.report.drops[0].example == "user_id 'bot': 3 in a day"


def test_searches_slates_and_positions_go_with_their_events(read: ReadShop) -> None:
    rows = [("u", "b", "view", 2, "oat milk", "s2", 4), ("u", "a", "purchase", 1, None, "s1", None)]
    shop = read(events(*rows, columns="user_id item_id event_type time query slate_id position"))
    assert shop.searches is not None
    assert shop.searches.texts == ["oat milk"]
    assert shop.searches.queries.tolist() == [-1, 0]
    assert shop.searches.slates.tolist() == [0, 1]
    np.testing.assert_array_equal(shop.searches.positions, [np.nan, 4])


def test_a_table_of_one_type_needs_no_type_column(read: ReadShop) -> None:
    shop = read(pl.DataFrame(EVENTS).drop("event_type"), events_toml='event_type = "loan"')
    assert shop.goal_types == ["loan"]
    assert shop.log.goals.all()


@pytest.mark.parametrize(
    ("table", "toml", "message"),
    [
        ({"user_id": ["u"]}, "", "no column 'item_id', which Endcap reads as item_id; expected one of: user_id"),
        (
            pl.DataFrame(EVENTS).drop("event_type"),
            "",
            "no column 'event_type', which Endcap reads as event_type (where all events are of one type, shop.toml "
            'says event_type = "purchase" under [events] instead); expected one of: item_id, time, user_id',
        ),
        (EVENTS, 'columns = { value = "price" }', "no column 'price', which Endcap reads as value; expected one of"),
        (
            EVENTS | {"time": ["2026-01-01", "soon", "x"]},
            "",
            "column 'time', row 2: found 'soon', expected an ISO 8601",
        ),
        (EVENTS | {"value": ["1", "2", "free"]}, "", "column 'value', row 3: found 'free', expected a number"),
        (EVENTS | {"user_id": [0.5, 1, 2]}, "", "column 'user_id' is Float64, expected ids (text or whole numbers)"),
        (pl.DataFrame(EVENTS).clear(), "", "the table is empty, expected at least one row"),
        (
            EVENTS | {"item_id": ["x", "y", "z"]},
            "",
            "no events are left of 3: 3 dropped: an item that is not in the items table (row 1: item_id 'x')",
        ),
        (
            EVENTS | {"event_type": ["view"] * 3},
            "",
            "no events of a goal type (purchase) are left; found: view (3). Name the types to aim at: goal = [...]",
        ),
    ],
)
def test_events_that_cannot_be_used_are_named_in_one_line(
    read: ReadShop, table: dict[str, Any] | pl.DataFrame, toml: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(table, events_toml=toml)
    assert f"events.parquet: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)
