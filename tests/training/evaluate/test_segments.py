from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from endcap.bundle.columns import BoolColumn, ListColumn, NumberColumn, StringColumn
from endcap.training.evaluate.protocol import Holdout, temporal
from endcap.training.evaluate.segments import (
    LEAST_SHOPPERS,
    Segment,
    by_family,
    groups,
    largest_gap,
    quality,
    quarters,
    segments,
)
from endcap.training.evaluate.truth import NOTHING, Truth

from ..made import busy_shop

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


def test_quality_of_a_segment_is_that_of_its_shoppers_alone(holdout: Holdout) -> None:
    south = {user for user in range(SHOPPERS) if user % 4 in (1, 3)}
    slates = perfect_for(holdout, south)
    towns = {each.label: quality(slates, each, 1) for each in by_family(list(segments(holdout)))["attribute: town"]}
    assert towns["south"] is not None
    assert towns["north"] is not None
    assert towns["south"]["ndcg@10"] == towns["south"]["recall@20"] == pytest.approx(1.0)
    assert towns["north"]["ndcg@10"] == 0.0
    assert towns["south"]["interval"] == pytest.approx([1.0, 1.0])


def test_a_segment_without_anyone_has_no_quality(holdout: Holdout) -> None:
    nobody = Segment("cold_shoppers", "all", np.zeros(len(holdout.users), np.bool_), holdout.truth)
    assert quality(perfect_for(holdout, set()), nobody, 1) is None


def made_up(scores: list[list[int]]) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int32]], list[Segment]]:
    """Groups of shoppers who each wanted item 0 and were shown it (1) or not (0)."""
    flat = [hit for group in scores for hit in group]
    slates = np.array([[0 if hit else 1] for hit in flat], np.int32)
    truth = Truth.of_rows([np.array([0])] * len(flat))
    owners = np.repeat(np.arange(len(scores)), [len(group) for group in scores])
    return slates, [Segment("attribute: x", f"group {n}", owners == n, truth) for n in range(len(scores))]


def test_the_largest_gap_is_between_the_best_and_the_worst_served_group() -> None:
    slates, family = made_up([[1, 0] * 40, [1, 1, 1, 0] * 20, [0, 0, 0, 1] * 20])
    gap = largest_gap(slates, family, seed=1)
    assert gap is not None
    assert (gap["best"], gap["worst"]) == ("group 1", "group 2")
    assert gap["gap"] == pytest.approx(0.5)
    assert gap["interval"][0] < 0.5 < gap["interval"][1]
    assert gap["p"] == pytest.approx(0.001)


def test_a_gap_among_groups_that_do_not_differ_is_likely_chance() -> None:
    random = np.random.default_rng(4)
    slates, family = made_up([random.integers(0, 2, 50).tolist() for _ in range(6)])
    gap = largest_gap(slates, family, seed=1)
    assert gap is not None
    assert gap["gap"] > 0.05
    assert gap["p"] > 0.1


def test_small_groups_make_no_gap() -> None:
    slates, family = made_up([[1] * 100, [0] * (LEAST_SHOPPERS - 1)])
    assert largest_gap(slates, family, seed=1) is None


def test_attributes_of_every_kind_make_groups() -> None:
    assert [label for label, _ in groups(StringColumn.of(["b", None, "a", "b"]))] == ["unknown", "b", "a"]
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
