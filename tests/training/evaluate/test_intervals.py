from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.training.evaluate.intervals import bootstrap_means, holm, interval, paired_p_values


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says() -> None:
    values = np.random.default_rng(1).normal(10.0, 2.0, (400, 1))
    low, high = interval(bootstrap_means(values, seed=3, resamples=4000))[:, 0]
    error = values.std() / 20.0
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.03)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.03)


def test_equal_seeds_give_equal_draws_so_that_what_strategies_share_cancels_out() -> None:
    shared = np.random.default_rng(1).random((50, 1))
    better = shared + 0.01
    gaps = bootstrap_means(better, seed=5) - bootstrap_means(shared, seed=5)
    np.testing.assert_allclose(gaps, 0.01)
    assert not np.array_equal(bootstrap_means(shared, seed=5), bootstrap_means(shared, seed=6))


def test_without_anyone_to_draw_from_there_are_still_numbers_to_look_at() -> None:
    assert bootstrap_means(np.empty((1, 2)), seed=1).shape == (1000, 2)


def test_p_is_the_share_of_all_sign_flips_that_reach_the_difference() -> None:
    differences = np.array([0.3, 0.1, -0.2, 0.4, 0.05])
    flips = np.array(list(product((-1, 1), repeat=5)))
    exact = (np.abs(flips @ differences) >= differences.sum() - 1e-12).mean()
    found = paired_p_values(differences[:, None], seed=1, permutations=20_000)[0]
    assert found == pytest.approx(exact, abs=0.01)


def test_p_is_one_without_a_difference_and_small_where_all_shoppers_agree() -> None:
    differences = np.stack([np.zeros(60), np.full(60, 0.02)], axis=1)
    none, clear = paired_p_values(differences, seed=1)
    assert none == 1.0
    assert clear == pytest.approx(1 / 5000)


def test_holm_is_what_one_calculates_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_never_makes_anything_surer(p: list[float]) -> None:
    given_p = np.array(p)
    adjusted = holm(given_p)
    assert (adjusted >= given_p - 1e-12).all()
    assert (adjusted <= 1.0).all()
    order = np.argsort(given_p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
