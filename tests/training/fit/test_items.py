"""Statistics of items against a reading of their definitions in plain Python."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.columns import NumberColumn
from endcap.training.fit.items import item_prices, item_stats, items_by_text, price_ranks
from endcap.training.shop import Shop

from ..made import DAY, shop_of

ITEMS, USERS, DAYS = 5, 3, 100


def naive(shop: Shop, item: int) -> dict[str, float]:
    log = shop.log
    events = [
        (
            int(shop.users[row]),
            (shop.data_end - int(log.times[row])) / DAY,
            float(log.weights[row]),
            bool(log.goals[row]),
        )
        for row in range(len(log))
        if log.items[row] == item
    ]
    goals = [event for event in events if event[3]]
    buyers = {user: [age for owner, age, _, _ in goals if owner == user] for user, *_ in goals}
    repeats = sum(len(ages) - 1 for ages in buyers.values())
    said = {f"weight_{days}d": sum(weight for _, age, weight, _ in events if age <= days) for days in (7, 28, 84)}
    said |= {f"count_{days}d": sum(age <= days for _, age, _, _ in goals) for days in (28, 84)}
    return {
        **said,
        "count": len(goals),
        "trend": math.log((said["count_28d"] + 2) / ((said["count_84d"] - said["count_28d"]) / 2 + 2)),
        "days_since_sold": min((age for _, age, _, _ in events), default=math.nan),
        "days_on_sale": max((age for _, age, _, _ in events), default=math.nan),
        "buyers": len(buyers),
        "repurchase_rate": (sum(len(ages) > 1 for ages in buyers.values()) + 0.5) / (len(buyers) + 5),
        "repurchase_gap_days": sum(max(ages) - min(ages) for ages in buyers.values()) / repeats
        if repeats
        else math.nan,
        "times_a_buyer": len(goals) / len(buyers) if buyers else math.nan,
    }


ROWS = st.lists(
    st.tuples(
        st.integers(0, USERS - 1),
        st.integers(0, ITEMS - 1),
        st.one_of(
            st.integers(0, DAYS - 1), st.floats(0, DAYS - 0.001), st.sampled_from([DAYS - 28, DAYS - 84, DAYS - 7])
        ),
        st.booleans(),
        st.sampled_from([0.1, 1.0]),
    ),
    max_size=40,
)


@given(ROWS)
def test_every_statistic_is_what_plain_counting_finds(rows: list[tuple[int, int, float, bool, float]]) -> None:
    events, goals, weights = [row[:3] for row in rows], [row[3] for row in rows], [row[4] for row in rows]
    shop = shop_of(events, ITEMS, USERS, DAYS, goals=goals, weights=weights)
    stats = item_stats(shop)
    for item in range(ITEMS):
        expected = naive(shop, item)
        found = {name: float(stats[name][item]) for name in expected}
        assert found == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_popularity_runs_from_nothing_to_one_by_decayed_weight() -> None:
    shop = shop_of([(0, 1, 99), (0, 1, 99), (1, 1, 99), (0, 2, 72), (1, 3, 99)])
    popularity = item_stats(shop)["popularity"]
    assert popularity[[1, 0]].tolist() == [1, 0]
    assert popularity[3] > popularity[2] > 0
    assert popularity[2] / popularity[3] == pytest.approx(
        math.log1p(0.5 * 0.5 ** (0 / 28)) / math.log1p(0.5 ** (1 / 28)), rel=0.02
    )


def test_shares_are_of_what_the_category_and_the_title_sold_lately() -> None:
    shop = shop_of([(0, 0, 99), (1, 0, 98), (0, 3, 97), (0, 1, 96), (0, 1, 1)])
    stats = item_stats(shop)
    assert stats["share_of_category"][[0, 3]] == pytest.approx([2 / 3, 1 / 3])  # both of category 0
    assert stats["share_of_title"][[0, 1]] == pytest.approx([2 / 3, 1 / 3])  # both of title 0
    assert np.isnan(stats["share_of_title"][4])
    unknown = replace(shop, groups={**shop.groups, "category": np.full(6, -1, np.int32)})
    assert np.isnan(item_stats(unknown)["share_of_category"]).all()


def test_a_shop_without_events_still_has_statistics() -> None:
    stats = item_stats(shop_of([]))
    assert all(len(values) == 6 for values in stats.values())
    assert stats["popularity"].tolist() == [0] * 6


def test_a_price_is_the_catalogs_else_the_recent_one_else_any_that_was_paid() -> None:
    rows = [(0, 0, 99.0), (0, 1, 99.0), (0, 1, 98.0), (0, 1, 1.0), (0, 2, 1.0), (0, 3, 99.0), (0, 4, 99.0)]
    money, pieces = [9.0, 6.0, 2.0, 90.0, 3.0, 0.0, np.nan], [1.0, 3.0, 1.0, 1.0, 2.0, 1.0, 1.0]
    shop = shop_of(rows, values=money, quantities=pieces)
    shop = replace(shop, columns={**shop.columns, "price": NumberColumn.of([5.0, *[None] * 5])})
    assert item_prices(shop).tolist() == pytest.approx([5.0, 2.0, 1.5, np.nan, np.nan, np.nan], nan_ok=True)


PRICES = st.lists(st.tuples(st.sampled_from([1.0, 2.0, 2.5, 9.0, np.nan]), st.integers(-1, 2)), max_size=20)


@given(PRICES)
def test_a_price_rank_is_the_share_of_the_other_items_that_are_cheaper(rows: list[tuple[float, int]]) -> None:
    prices, categories = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], np.int32)
    ranks = price_ranks(prices, categories)
    for item, (price, category) in enumerate(rows):
        others = [p for n, (p, c) in enumerate(rows) if c == category and n != item and p == p]
        if category < 0 or price != price:
            assert np.isnan(ranks[item])
        else:
            beaten = sum(other < price for other in others) + 0.5 * sum(other == price for other in others)
            assert ranks[item] == pytest.approx(beaten / len(others) if others else 0.5, rel=1e-5)


def test_items_of_one_text_lie_together_the_best_selling_first() -> None:
    shop = shop_of([], items=5)
    found = items_by_text(shop, np.array([1.0, 3.0, 0.0, 0.0, 7.0]))
    assert found["text_items"].tolist() == [1, 0, 2, 3, 4]
    assert found["text_offsets"].tolist() == [0, 2, 4, 5]
