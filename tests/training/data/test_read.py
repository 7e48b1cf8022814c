from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.bundle.events import EVENT_COLUMNS
from endcap.training.data import read_shop
from endcap.training.shop import Shop

from .conftest import ITEMS, ReadShop, ShopFiles

DAY = 86_400
COLUMNS = ("user_id", "item_id", "event_type", "time", "basket_id", "quantity", "value")
MAX_PER_DAY = 6

rows = st.lists(
    st.tuples(
        st.sampled_from(["u", "v", "", None]),
        st.sampled_from(["a", "b", "x", None]),
        st.sampled_from(["view", "purchase", "wish", None]),
        st.sampled_from([0, 1, DAY, None]).map(lambda time: time if time is None else time + 1_700_000_000),
        st.sampled_from(["b1", "b2", None]),
        st.sampled_from([-1, 0, 1, 2, None]),
        st.sampled_from([0.5, 2.0, None]),
    ),
    max_size=40,
)


def read_rows(events: list[tuple[Any, ...]]) -> Shop:
    with TemporaryDirectory() as folder:
        files = ShopFiles(Path(folder))
        files.table("items", ITEMS)
        files.table(
            "events", pl.DataFrame(events, schema=COLUMNS, orient="row", strict=False, infer_schema_length=None)
        )
        return read_shop(files.config(events_toml=f"max_per_day = {MAX_PER_DAY}"))


def plainly_cleaned(events: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], float]:
    """What cleaning should leave, said the slow way: quantities by (user, time, item, type, basket)."""
    usable = {
        (user, time, item, kind, basket, quantity if quantity and quantity > 0 else None, value)
        for user, item, kind, time, basket, quantity, value in events
        if user and item in ("a", "b") and kind in ("view", "purchase") and time is not None
        if not (kind == "purchase" and quantity is not None and quantity <= 0)
    }
    days = Counter((user, time // DAY) for user, time, *_ in usable)
    bots = {user for (user, _), count in days.items() if count > MAX_PER_DAY}
    quantities: Counter[tuple[Any, ...]] = Counter()
    for *event, quantity, _ in usable:
        if event[0] not in bots:
            quantities[tuple(event)] += quantity or 1
    return dict(quantities)


def summary(shop: Shop) -> Counter[tuple[Any, ...]]:
    names = [shop.user_ids[user] for user in shop.users]
    items = [shop.item_ids[item] for item in shop.log.items]
    return Counter(zip(names, shop.log.times.tolist(), items, shop.log.goals.tolist(), strict=True))


@settings(max_examples=150, deadline=None)
@given(rows)
def test_kept_and_dropped_rows_add_up_to_those_read_and_the_right_ones_are_kept(events: list[tuple[Any, ...]]) -> None:
    events = [("w", "c", "purchase", 1_700_000_000, "b1", 1, 1.0), *events]
    expected = plainly_cleaned(events)
    shop = read_rows(events)
    report = shop.report
    assert report.read["events"] == len(events) == report.kept["events"] + report.dropped("events")
    assert report.kept["events"] == len(shop.log)
    found = summary(shop)
    del found[("w", 1_700_000_000, "c", True)]
    assert found == Counter((user, time, item, kind == "purchase") for user, time, item, kind, _ in expected)
    assert shop.log.quantities.sum() == sum(expected.values()) + 1


@settings(max_examples=50, deadline=None)
@given(rows, st.randoms())
def test_the_order_of_the_rows_changes_nothing(events: list[tuple[Any, ...]], random: Any) -> None:
    events = [("w", "c", "purchase", 1_700_000_000, "b1", 1, 1.0), *events]
    shuffled = events.copy()
    random.shuffle(shuffled)
    one, other = read_rows(events), read_rows(shuffled)
    assert one.user_ids == other.user_ids
    np.testing.assert_array_equal(one.users, other.users)
    for name, dtype in EVENT_COLUMNS.items():
        column = getattr(one.log, name)
        assert column.dtype == dtype
        np.testing.assert_array_equal(column, getattr(other.log, name))


def test_the_past_of_a_shop_ends_before_the_cut_off_and_keeps_every_number(read: ReadShop) -> None:
    shop = read()
    cut_off = int(shop.log.times.max())
    past = shop.before(cut_off)
    assert len(past.log) == 2
    assert past.data_end == cut_off
    assert past.user_ids == shop.user_ids
    assert past.histories.of(0).items.tolist() == [0, 1]
    assert len(past.histories.of(1)) == 0
    users, events = shop.between(cut_off, shop.data_end)
    assert users.tolist() == [1]
    assert events.items.tolist() == [0]


def test_the_past_takes_the_searches_along(read: ReadShop) -> None:
    events = {"user_id": ["u", "u"], "item_id": ["a", "b"], "event_type": ["view", "purchase"], "time": [1, 2]}
    shop = read(events | {"query": ["first", "second"]})
    past = shop.before(shop.data_end - 1)
    assert past.searches is not None
    assert past.searches.queries.tolist() == [0]
    assert len(past.searches.positions) == 1


def test_csv_and_parquet_of_the_same_rows_are_the_same_shop(read: ReadShop) -> None:
    events = {"user_id": [7, 8], "item_id": ["a", "b"], "event_type": ["view", "purchase"], "time": [1, 2]}
    tables = (events | {"value": [1.5, None], "basket_id": [4, 3]}, ITEMS | {"price": [1.0, None, 2.5]})
    parquet, csv = read(*tables), read(*tables, suffix="csv")
    assert parquet.user_ids == csv.user_ids
    for name in EVENT_COLUMNS:
        np.testing.assert_array_equal(getattr(parquet.log, name), getattr(csv.log, name))
    assert [csv.columns["price"].value(row) for row in range(3)] == [1.0, None, 2.5]


def test_reading_says_where_it_is(files: ShopFiles) -> None:
    files.table("items", ITEMS)
    files.table("events", {"user_id": [1], "item_id": ["a"], "event_type": ["purchase"], "time": [1]})
    steps: list[tuple[str, int, int]] = []
    read_shop(files.config(), lambda step, done=0, total=0, /: steps.append((step, done, total)))
    assert [done for _, done, _ in steps] == [0, 1, 2, 3, 4]
    assert {total for _, _, total in steps} == {4}
