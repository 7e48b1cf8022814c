from __future__ import annotations

from typing import Any

import pytest

from endcap.bundle.columns import ListColumn
from endcap.training.cleaning_report import Drop
from endcap.training.errors import DataError

from .conftest import ITEMS, ReadShop


def values(shop: Any, name: str) -> list[Any]:
    return [shop.columns[name].value(row) for row in range(len(shop.item_ids))]


def test_a_table_of_ids_and_titles_is_enough(read: ReadShop) -> None:
    shop = read()
    assert shop.titles == ["Apple", "Bread", "Cheese"]
    assert values(shop, "available") == [True, True, True]
    assert values(shop, "price") == [None, None, None]
    assert values(shop, "brand") == [None, None, None]
    assert values(shop, "categories") == [(), (), ()]
    assert shop.groups["department"].tolist() == [-1, -1, -1]


def test_items_are_numbered_by_their_sorted_ids_whatever_the_tables_order(read: ReadShop) -> None:
    shop = read(items={"item_id": ["c", "a", "b"], "title": ["Cheese", "Apple", "Bread"]})
    assert shop.item_ids == ["a", "b", "c"]
    assert shop.titles == ["Apple", "Bread", "Cheese"]


def test_items_without_an_id_or_with_one_that_came_before_are_dropped(read: ReadShop) -> None:
    shop = read(items={"item_id": ["a", None, "a", "b"], "title": ["First", "x", "Second", "Bread"]})
    assert shop.titles == ["First", "Bread"]
    assert shop.report.drops_of("items") == [
        Drop("items", "no item_id", 1, "row 2"),
        Drop("items", "a repeated item_id", 1, "row 3: item_id 'a'"),
    ]


def test_an_item_without_a_title_shows_its_id_and_shares_its_title_with_none(read: ReadShop) -> None:
    shop = read(items={"item_id": ["a", "b"], "title": ["", None]})
    assert shop.titles == ["a", "b"]
    assert shop.groups["title"].tolist() == [-1, -1]
    assert shop.texts == [""]


def test_items_of_one_title_are_a_group_whatever_its_case(read: ReadShop) -> None:
    shop = read(items={"item_id": ["a", "b", "c"], "title": ["Oat milk", "Bread", "oat MILK"]})
    assert shop.groups["title"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_categories_in_text_are_parted(read: ReadShop, suffix: str) -> None:
    items = ITEMS | {"categories": ["Food > Fruit", "Food>Bakery > ", ""]}
    shop = read(items=items, suffix=suffix)
    assert values(shop, "categories") == [("Food", "Fruit"), ("Food", "Bakery"), ()]
    assert shop.groups["department"].tolist() == [0, 0, -1]
    assert shop.groups["category"].tolist() == [0, 1, -1]


def test_the_shop_names_its_separator(read: ReadShop) -> None:
    shop = read(items=ITEMS | {"categories": ["x|y", "x", None]}, items_toml='separator = "|"')
    assert values(shop, "categories") == [("x", "y"), ("x",), ()]


def test_categories_may_be_lists(read: ReadShop) -> None:
    shop = read(items=ITEMS | {"categories": [["Food", "Fruit"], [None, ""], None]})
    assert values(shop, "categories") == [("Food", "Fruit"), (), ()]


def test_several_columns_are_levels_and_stay_attributes(read: ReadShop) -> None:
    items = ITEMS | {"aisle": ["Food", "Food", None], "shelf": ["Fruit", None, "Other"]}
    shop = read(items=items, items_toml='columns = { categories = ["aisle", "shelf"] }')
    assert values(shop, "categories") == [("Food", "Fruit"), ("Food",), ("Other",)]
    assert values(shop, "aisle") == ["Food", "Food", None]
    assert shop.groups["department"].tolist() == [0, 0, 1]


def test_one_name_on_two_branches_is_two_categories(read: ReadShop) -> None:
    shop = read(items=ITEMS | {"categories": ["Cats > Food", "Dogs > Food", "Cats > Food"]})
    assert shop.groups["category"].tolist() == [0, 1, 0]


def test_price_availability_and_brand_are_read_under_the_shops_names(read: ReadShop) -> None:
    items = ITEMS | {"maker": [7, 7, None], "cost": ["1.50", "", "2"], "in stock": ["yes", "no", ""]}
    toml = 'columns = { brand = "maker", price = "cost", available = "in stock" }'
    shop = read(items=items, items_toml=toml)
    assert values(shop, "brand") == ["7", "7", None]
    assert values(shop, "price") == [1.5, None, 2.0]
    assert values(shop, "available") == [True, False, True]
    assert shop.groups["brand"].tolist() == [0, 0, -1]
    assert set(shop.columns) == {"available", "price", "brand", "categories"}


def test_other_columns_become_attributes_of_their_own_kind(read: ReadShop) -> None:
    items = ITEMS | {"grams": [100, None, 2.5], "vegan": [True, None, False], "Origin (country)": ["NL", "", "FR"]}
    shop = read(items=items | {"labels": [["bio"], [], None], "empty": [None] * 3})
    assert values(shop, "grams") == [100, None, 2.5]
    assert values(shop, "vegan") == [True, None, False]
    assert values(shop, "Origin_country") == ["NL", None, "FR"]
    assert values(shop, "labels") == [("bio",), (), ()]
    assert isinstance(shop.columns["labels"], ListColumn)
    assert "empty" not in shop.columns


def test_in_a_csv_the_values_tell_the_kind(read: ReadShop) -> None:
    items = ITEMS | {"grams": ["100", "", "2.5"], "vegan": ["true", "", "False"], "code": ["007", "x", ""]}
    shop = read(items=items, suffix="csv")
    assert values(shop, "grams") == [100, None, 2.5]
    assert values(shop, "vegan") == [True, None, False]
    assert values(shop, "code") == ["007", "x", None]


def test_each_distinct_text_is_kept_once_and_says_nothing_twice(read: ReadShop) -> None:
    items = {
        "item_id": ["a", "b", "c"],
        "title": ["Oat milk", "Oat milk", "Oat milk"],
        "brand": ["Mill", "mill", "42"],
        "categories": ["Drinks > Oat milk", "Drinks", None],
    }
    shop = read(items=items)
    assert shop.texts == ["Oat milk. Mill. Drinks", "Oat milk. mill. Drinks", "Oat milk"]
    assert shop.text_numbers.tolist() == [0, 1, 2]
    assert read(items=items, items_toml='text = ["title"]').texts == ["Oat milk"]


def test_an_attribute_may_be_part_of_the_text(read: ReadShop) -> None:
    items = ITEMS | {"origin": ["Spain", None, "France"], "secret": ["x", "y", "z"]}
    shop = read(items=items, items_toml='text = ["title", "origin"]\nignore = ["secret"]')
    assert shop.texts == ["Apple. Spain", "Bread", "Cheese. France"]
    assert "secret" not in shop.columns


@pytest.mark.parametrize(
    ("table", "toml", "message"),
    [
        (
            {"item_id": ["a"], "name": ["A"]},
            "",
            "no column 'title', which Endcap reads as title; expected one of: item",
        ),
        (ITEMS, 'columns = { price = "cost" }', "no column 'cost', which Endcap reads as price; expected one of"),
        (
            ITEMS,
            'columns = { categories = ["titel"] }',
            "no column 'titel', which Endcap reads as categories (titel); did",
        ),
        (ITEMS, 'ignore = ["size"]', "no column 'size', which Endcap reads as ignore: size; expected one of"),
        (ITEMS, 'text = ["titel"]', "no column 'titel', which shop.toml names in items.text; did you mean 'title'?"),
        (ITEMS | {"price": ["1", "2", "free"]}, "", "column 'price', row 3: found 'free', expected a number"),
        (ITEMS | {"price": [1, 2, -3]}, "", "column 'price', row 3: found -3, expected a price of 0 or more"),
        (ITEMS | {"available": ["y", "n", "x"]}, "", "column 'available', row 1: found 'y', expected true or false"),
        (ITEMS | {"size": [{"g": 1}] * 3}, "", "column 'size' is Struct({'g': Int64}), expected text, numbers, flags"),
        (
            ITEMS | {"a b": [1] * 3, "a-b": [1] * 3},
            "",
            "column 'a-b' would be a second attribute 'a_b'; to leave it out",
        ),
        (ITEMS | {"item_id": [None, "", None]}, "", "column 'item_id' is empty in all 3 rows, expected ids"),
    ],
)
def test_items_that_cannot_be_used_are_named_in_one_line(
    read: ReadShop, table: dict[str, Any], toml: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(items=table, items_toml=toml)
    assert f"items.parquet: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)
