from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from endcap.training.evaluate.beyond import CatalogFacts, beyond_accuracy, distances, gini, head

from ..made import shop_of

N = -1


def facts(**changed: Any) -> CatalogFacts:
    plain: dict[str, Any] = {
        "surprise": np.array([1.0, 2.0, 3.0, 4.0]),
        "tail": np.array([False, False, True, True]),
        "vectors": np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], np.float32),
        "text_numbers": np.array([0, 1, 2, -1]),
    }
    return CatalogFacts(**{**plain, **changed})


def test_gini_is_nought_for_equal_shares_and_near_one_when_one_item_has_all() -> None:
    assert gini(np.array([3, 3, 3, 3])) == pytest.approx(0.0)
    assert gini(np.array([0, 0, 0, 8])) == pytest.approx(3 / 4)
    assert gini(np.array([1, 2, 3])) == pytest.approx((2 + 4 + 2) / (2 * 9 * 2))  # by the pairs' definition
    assert np.isnan(gini(np.zeros(3, np.int64)))


def test_the_head_are_the_fewest_items_with_four_fifths_of_the_events() -> None:
    assert head(np.array([5, 60, 5, 25, 5])).tolist() == [False, True, False, True, False]


def test_coverage_novelty_and_long_tail_count_what_is_shown_up_to_the_cut() -> None:
    slates = np.array([[0, 1, 3], [0, 2, N]], np.int32)
    found = beyond_accuracy(slates, facts(), (2, 3))
    assert found["coverage@2"] == pytest.approx(3 / 4)
    assert found["coverage@3"] == pytest.approx(1.0)
    assert found["novelty@2"] == pytest.approx((1 + 2 + 1 + 3) / 4)
    assert found["tail_share@3"] == pytest.approx(2 / 5)


def test_diversity_is_the_mean_distance_of_two_items_of_a_slate() -> None:
    slates = np.array([[0, 1, 2], [0, 0, N], [2, N, N]], np.int32)
    expected = 1 - (0.0 + 0.6 + 0.8) / 3
    assert distances(slates, facts()).tolist() == pytest.approx([expected, 0.0], abs=1e-6)


def test_items_without_a_known_text_have_no_distance() -> None:
    assert distances(np.array([[0, 3, 1]], np.int32), facts()).tolist() == pytest.approx([1.0])


def test_without_a_text_model_there_is_no_diversity() -> None:
    found = beyond_accuracy(np.array([[0, 1]], np.int32), facts(vectors=None), (2,))
    assert np.isnan(found["diversity@2"])


def test_a_strategy_that_shows_nothing_covers_nothing() -> None:
    found = beyond_accuracy(np.array([[N, N]], np.int32), facts(), (2,))
    assert found["coverage@2"] == 0.0
    assert np.isnan(found["novelty@2"])


def test_what_more_shoppers_bought_is_less_of_a_surprise() -> None:
    shop = shop_of([(0, 0, 1), (1, 0, 1), (2, 0, 2), (0, 1, 2), (0, 1, 3)], items=3)
    surprise = CatalogFacts.of(shop).surprise
    assert surprise[0] < surprise[1] < surprise[2]
    assert surprise[0] == pytest.approx(0.0)
    assert surprise[2] == pytest.approx(2.0)
