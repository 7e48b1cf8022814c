from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from endcap.training.baselines import BASELINES
from endcap.training.baselines.als import ALS
from endcap.training.baselines.chance import RANDOM
from endcap.training.baselines.contract import NEVER, Baseline
from endcap.training.baselines.ease import EASE
from endcap.training.baselines.frequency import FREQUENCY, FREQUENCY_DECAYED
from endcap.training.baselines.item_knn import BM25, COSINE
from endcap.training.baselines.matrix import bm25, strengths
from endcap.training.baselines.popular import POPULAR
from endcap.training.fit.ease import item_weights
from endcap.training.shop import Shop

from ..made import busy_shop, shop_of

ALL_USERS = np.arange(30)


def scores(baseline: Baseline, shop: Shop, **settings: Any) -> np.ndarray[Any, Any]:
    users = np.arange(len(shop.user_ids))
    found: np.ndarray[Any, Any] = baseline.fit(shop, 1, **{**baseline.grid[0], **settings})(users)
    return found


def test_popular_counts_the_goal_events_of_its_days_alone() -> None:
    shop = shop_of([(0, 0, 95), (1, 0, 80), (0, 1, 50), (0, 2, 90)], goals=[True, True, True, False])
    assert scores(POPULAR, shop)[0].tolist() == [2.0] + [NEVER] * 5


def test_frequency_counts_a_shoppers_own_purchases() -> None:
    shop = shop_of([(0, 0, 1), (0, 0, 90), (0, 3, 2), (1, 4, 5)])
    assert scores(FREQUENCY, shop)[0].tolist() == [2, NEVER, NEVER, 1, NEVER, NEVER]


def test_a_purchase_counts_half_after_its_half_life() -> None:
    shop = shop_of([(0, 0, 40), (0, 1, 100)])
    found = scores(FREQUENCY_DECAYED, shop, half_life_days=60.0)[0]
    assert found[:2].tolist() == pytest.approx([0.5, 1.0])


def test_chance_is_its_own_for_every_shopper_and_the_same_every_time() -> None:
    shop = busy_shop()
    one, again = scores(RANDOM, shop), scores(RANDOM, shop)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one[0], one[1])


def test_ease_is_the_closed_form_of_its_paper() -> None:
    bought = (np.random.default_rng(1).random((40, 12)) < 0.3).astype(np.float64)
    gram = bought.T @ bought
    inverse = np.linalg.inv(gram + 7.0 * np.eye(12))
    expected = np.eye(12) - inverse / np.diag(inverse)
    found = item_weights(gram.astype(np.float32), 7.0)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert not np.diag(found).any()


def test_ease_leaves_out_all_but_the_most_bought() -> None:
    found = scores(EASE, busy_shop(), most_items=5)
    assert (found > NEVER).any(axis=0).sum() <= 5


def test_bm25_weighs_as_its_formula_says() -> None:
    counts = strengths(shop_of([(0, 0, 1), (0, 0, 2), (0, 1, 3), (1, 1, 4), (2, 2, 5)], items=3))
    found = bm25(counts, k1=1.5, b=0.75).toarray()
    length = 0.25 + 0.75 * 3 / (5 / 3)
    assert found[0, 0] == pytest.approx((np.log(3) - np.log(2)) * 2 * 2.5 / (1.5 * length + 2))


@pytest.mark.parametrize("baseline", [ALS, BM25, COSINE, EASE], ids=lambda baseline: baseline.name)
def test_methods_that_learn_from_others_find_what_the_like_minded_buy(baseline: Baseline) -> None:
    """Two camps of shoppers with ten items each; every shopper of either has not bought one of them yet."""
    rows = [(user, camp * 10 + item, float(item)) for user in range(40) for camp in (user % 2,) for item in range(10)]
    rows = [row for row in rows if row[1] % 10 != row[0] // 2 % 10]
    shop = shop_of(rows, items=20, users=40)
    found = scores(baseline, shop)
    for user in range(40):
        missing, foreign = user % 2 * 10 + user // 2 % 10, np.arange(10) + (1 - user % 2) * 10
        assert found[user, missing] > found[user, foreign].max()


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)
def test_every_baseline_scores_all_items_and_one_seed_gives_the_same_scores(baseline: Baseline) -> None:
    shop = busy_shop()
    one = scores(baseline, shop)
    assert one.shape == (30, 40)
    assert one.dtype == np.float32
    assert not np.isnan(one).any()
    np.testing.assert_array_equal(one, scores(baseline, shop))


@pytest.mark.parametrize("baseline", BASELINES[2:], ids=lambda baseline: baseline.name)
def test_who_never_came_gets_no_personal_recommendation(baseline: Baseline) -> None:
    shop = shop_of([(user, item, item) for user in range(3) for item in range(5) for _ in range(2)], users=4)
    assert (scores(baseline, shop)[3] == NEVER).all()


def test_every_setting_of_every_search_can_be_fitted() -> None:
    shop = busy_shop(users=12, items=15, days=60)
    for baseline in BASELINES:
        for settings in baseline.grid:
            assert baseline.fit(shop, 1, **settings, **baseline.cheaper)(np.arange(3)).shape == (3, 15)
