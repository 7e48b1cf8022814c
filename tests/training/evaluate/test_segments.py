from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from endcap.bundle.columns import BoolColumn, ListColumn, NumberColumn, StringColumn
from endcap.training.evaluate.protocol import Holdout, temporal
from endcap.training.evaluate.segments import (
    Segment,
    by_family,
    groups,
    per_shopper,
    quality,
    quarters,
    segments,
)
from endcap.training.evaluate.truth import NOTHING

from ..made import busy_shop, shop_of

SHOPPERS = 80


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    shop = busy_shop(users=SHOPPERS)
    towns = StringColumn.of(["north", "south", None, "south"][user % 4] for user in range(SHOPPERS))
    ages = NumberColumn.of(float(20 + user % 40) if user % 8 else None for user in range(SHOPPERS))
    return temporal(replace(shop, user_columns={"town": towns, "age": ages}), 20, seed=1)


def perfect_for(holdout: Holdout, served: set[int]) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """Lists of nothing but the truth for some shoppers, and empty ones for the others."""
    slates = np.full((len(holdout.users), 20), NOTHING, np.int32)
    for row, user in enumerate(holdout.users):
        if int(user) in served:
            items = holdout.truth.of(row)[:20]
            slates[row, : len(items)] = items
    return slates


def test_every_shopper_is_in_one_segment_of_each_family_of_shoppers(holdout: Holdout) -> None:
    families = by_family(list(segments(holdout)))
    for family in ("history", "attribute: town", "attribute: age"):
        counts = sum(each.rows.astype(int) for each in families[family])
        np.testing.assert_array_equal(counts, holdout.regulars.astype(int))


def test_bestsellers_and_long_tail_share_out_the_truth(holdout: Holdout) -> None:
    head, tail = by_family(list(segments(holdout)))["popularity"]
    assert len(head.truth.items) + len(tail.truth.items) == len(holdout.truth.items)
    assert len(head.truth.items) > len(tail.truth.items) > 0


def test_cold_shoppers_and_cold_items_are_judged_apart() -> None:
    often = [(2, item, day / 10) for item in (0, 1) for day in range(5)]
    shop = shop_of([*often, (0, 0, 20), (0, 1, 95), (0, 4, 96), (1, 0, 97), (1, 4, 98)])
    families = by_family(list(segments(temporal(shop, 10, seed=1))))
    (shoppers,), (items,) = families["cold_shoppers"], families["cold_items"]
    assert shoppers.asked.tolist() == [1]
    assert shoppers.truth.of(1).tolist() == [0]
    assert items.asked.tolist() == [0], "of those whom we know"
    assert items.truth.of(0).tolist() == [4]
    assert all(1 not in each.asked for family in ("history", "popularity") for each in families[family])


def test_quality_of_a_segment_is_that_of_its_shoppers_alone(holdout: Holdout) -> None:
    south = {user for user in range(SHOPPERS) if user % 4 in (1, 3)}
    slates = perfect_for(holdout, south)
    values = per_shopper([slates, perfect_for(holdout, set())], holdout.truth)
    parts = {each.label: quality(values, each, 1) for each in by_family(list(segments(holdout)))["attribute: town"]}
    assert [each["ndcg@10"] for each in (part[1] for part in parts.values())] == [0.0, 0.0, 0.0]
    towns = {label: part[0] for label, part in parts.items()}
    assert towns["south"]["ndcg@10"] == towns["south"]["recall@20"] == pytest.approx(1.0)
    assert towns["north"]["ndcg@10"] == 0.0
    assert towns["south"]["interval"] == pytest.approx([1.0, 1.0])


def test_a_segment_without_anyone_has_no_quality(holdout: Holdout) -> None:
    nobody = Segment("cold_shoppers", "all", np.zeros(len(holdout.users), np.bool_), holdout.truth)
    assert quality(per_shopper([perfect_for(holdout, set())], holdout.truth), nobody, 1) == []


def test_attributes_of_every_kind_make_groups() -> None:
    assert [label for label, _ in groups(StringColumn.of(["b", None, "a", "b"]))] == ["a", "b", "unknown"]
    ages = StringColumn.of(["100+", "5 to 9", "10 to 20", "5 to 12"])
    assert [label for label, _ in groups(ages)] == ["5 to 9", "5 to 12", "10 to 20", "100+", "unknown"]
    assert {label: rows.tolist() for label, rows in groups(BoolColumn.of([True, None, False]))} == {
        "yes": [True, False, False],
        "no": [False, False, True],
        "unknown": [False, True, False],
    }
    numbers = dict(groups(NumberColumn.of([1.0, 2.0, 3.0, 4.0, None])))
    assert list(numbers) == ["1 to 1", "2 to 2", "3 to 3", "4 to 4", "unknown"]
    assert list(groups(ListColumn.of([["a"], ["b"]]))) == []


def test_quarters_of_a_number_that_hardly_varies_are_fewer() -> None:
    assert [label for label, _ in quarters(np.array([5.0, 5.0, 5.0, np.nan]))] == ["5 to 5"]
    assert list(quarters(np.array([np.nan]))) == []
