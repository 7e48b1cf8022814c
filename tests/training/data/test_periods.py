from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from endcap.training.data import read_shop
from endcap.training.errors import DataError
from endcap.training.shop import ItemPeriods

from .conftest import EVENTS, ITEMS, ShopFiles

DAY = 86_400
START = 1_767_225_600  # 2026-01-01


def read(
    files: ShopFiles, periods: dict[str, Any], events: dict[str, Any] = EVENTS, suffix: str = "parquet"
) -> ItemPeriods:
    files.table("events", events)
    files.table("items", ITEMS)
    files.table("item_periods", periods, suffix)
    return read_shop(files.config(more=f'[item_periods]\npath = "item_periods.{suffix}"')).periods


def test_periods_are_sorted_by_item_and_start(files: ShopFiles) -> None:
    periods = read(
        files,
        {
            "item_id": ["b", "a", "a"],
            "start": ["2026-01-01T00:00", "2026-01-05T00:00", "2026-01-02T00:00"],
            "end": ["2026-01-02T00:00", "2026-01-06T00:00", "2026-01-03T12:00"],
            "discount": [0.1, 0.2, None],
        },
    )
    assert periods.items.tolist() == [0, 0, 1]
    assert periods.starts.tolist() == [START + DAY, START + 4 * DAY, START]
    assert periods.ends.tolist() == [START + 2.5 * DAY, START + 5 * DAY, START + DAY]
    assert periods.names == ["discount"]
    np.testing.assert_allclose(periods.values, [[np.nan], [0.2], [0.1]], rtol=1e-6)


def test_a_period_that_ends_on_a_day_ends_with_it(files: ShopFiles) -> None:
    periods = read(files, {"item_id": ["a"], "start": ["2026-01-01"], "end": ["2026-01-01"]}, suffix="csv")
    assert (periods.starts[0], periods.ends[0]) == (START, START + DAY)
    assert periods.values.shape == (1, 0)


def test_text_becomes_a_column_for_each_frequent_value(files: ShopFiles) -> None:
    days = {"item_id": ["a"] * 3, "start": ["2026-01-01", "2026-01-02", "2026-01-03"], "end": ["2026-01-09"] * 3}
    periods = read(files, days | {"page": ["front", None, "back"], "loud": [True, None, False]})
    assert periods.names == ["page=back", "page=front", "loud"]
    np.testing.assert_array_equal(periods.values, [[0, 1, 1], [np.nan, np.nan, np.nan], [1, 0, 0]])


def test_of_many_values_only_the_most_frequent_become_columns(files: ShopFiles) -> None:
    pages = [f"p{number:02}" for number in range(30)] + ["p29"]
    table = {"item_id": ["a"] * 31, "start": ["2026-01-01"] * 31, "end": ["2026-01-09"] * 31, "page": pages}
    names = read(files, table).names
    assert len(names) == 20
    assert "page=p29" in names


def test_periods_of_a_shop_with_an_order_are_on_its_clock(files: ShopFiles) -> None:
    events = EVENTS | {"time": [100, 200, 300]}
    periods = read(files, {"item_id": ["a"], "start": [100], "end": [300]}, events)
    assert (periods.starts[0], periods.ends[0]) == (0, 365 * DAY)


def test_periods_that_cannot_be_used_are_dropped_and_counted(files: ShopFiles) -> None:
    files.table("events", EVENTS)
    files.table("items", ITEMS)
    files.table(
        "item_periods",
        {
            "item_id": ["a", None, "x", "a", "a"],
            "start": ["2026-01-01T00:00", "2026-01-01T00:00", "2026-01-01T00:00", None, "2026-01-05T00:00"],
            "end": ["2026-01-02T00:00"] * 5,
        },
    )
    shop = read_shop(files.config(more='[item_periods]\npath = "item_periods.parquet"'))
    assert len(shop.periods) == 1
    assert [drop.reason for drop in shop.report.drops_of("item_periods")] == [
        "no item_id",
        "no start or no end",
        "an end that is not after its start",
        "an item that is not in the items table",
    ]


def test_an_attribute_that_is_neither_number_flag_nor_text_is_named(files: ShopFiles) -> None:
    table = {"item_id": ["a"], "start": ["2026-01-01"], "end": ["2026-01-02"], "pages": [["x"]]}
    with pytest.raises(
        DataError, match=r"item_periods.parquet: column 'pages' is List\(String\), expected numbers, fl"
    ):
        read(files, table)
