from __future__ import annotations

from typing import Any

import pytest

from endcap.training.cleaning_report import Drop
from endcap.training.data import read_shop
from endcap.training.errors import DataError
from endcap.training.shop import Shop

from .conftest import EVENTS, ITEMS, ShopFiles

USERS = {"user_id": ["u9", "u1"], "age": [30, None], "plan": ["gold", "free"]}


def read(files: ShopFiles, users: dict[str, Any], toml: str = "") -> Shop:
    files.table("events", EVENTS)
    files.table("items", ITEMS)
    files.table("users", users)
    return read_shop(files.config(more=f'[users]\npath = "users.parquet"\n{toml}'))


def test_attributes_line_up_with_all_shoppers_of_both_tables(files: ShopFiles) -> None:
    shop = read(files, USERS)
    assert shop.user_ids == ["u1", "u2", "u9"]
    assert [shop.user_columns["age"].value(row) for row in range(3)] == [None, None, 30]
    assert [shop.user_columns["plan"].value(row) for row in range(3)] == ["free", None, "gold"]


def test_events_keep_their_shoppers_when_the_users_table_brings_more(files: ShopFiles) -> None:
    shop = read(files, {"user_id": ["u0", "u11"]})
    assert shop.user_ids == ["u0", "u1", "u11", "u2"]
    assert [shop.user_ids[user] for user in shop.users] == ["u1", "u1", "u2"]
    assert len(shop.histories.of(0)) == 0


def test_users_without_an_id_or_with_one_that_came_before_are_dropped(files: ShopFiles) -> None:
    shop = read(files, {"user_id": ["u1", "u1", None], "plan": ["first", "second", "x"]})
    assert shop.user_columns["plan"].value(0) == "first"
    assert shop.report.drops_of("users") == [
        Drop("users", "no user_id", 1, "row 3"),
        Drop("users", "a repeated user_id", 1, "row 2: user_id 'u1'"),
    ]


def test_a_users_table_without_its_column_is_named(files: ShopFiles) -> None:
    with pytest.raises(DataError, match=r"users.parquet: no column 'user_id', which Endcap reads as user_id; did you"):
        read(files, {"userid": ["u1"]})


def test_columns_to_ignore_are_left_out(files: ShopFiles) -> None:
    assert set(read(files, USERS, 'ignore = ["age"]').user_columns) == {"plan"}
