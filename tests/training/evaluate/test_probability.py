from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.training.evaluate.probability import Calibration, auc, auc_per_group, reliability, sigmoid


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=30))
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([row[0] for row in rows], np.float32), np.array([row[1] for row in rows])
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[labels] for n in scores[~labels]]
    found = auc(scores, labels)
    assert found == pytest.approx(np.mean(pairs)) if pairs else np.isnan(found)


def test_a_score_that_is_not_a_number_ranks_last() -> None:
    assert auc(np.array([np.nan, 1.0]), np.array([True, False])) == 0.0


def test_auc_per_shopper_leaves_out_those_with_nothing_to_tell_apart() -> None:
    scores, labels = np.array([1.0, 2.0, 5.0, 3.0, 4.0]), np.array([False, True, True, True, False])
    assert auc_per_group(scores, labels, np.array([2, 1, 2])) == pytest.approx((1.0 + 0.0) / 2)


def test_the_map_gives_the_chance_with_which_scores_came_true() -> None:
    random = np.random.default_rng(1)
    scores = random.normal(0, 2, 40_000)
    chances = 0.3 / (1 + np.exp(-scores))  # far from what a sigmoid would say
    labels = random.random(40_000) < chances
    fitted = Calibration.fit(scores[:20_000], labels[:20_000])
    np.testing.assert_allclose(fitted(np.array([-2.0, 0.0, 2.0])), [0.036, 0.15, 0.264], atol=0.03)
    after, before = (
        reliability(each(scores[20_000:]), labels[20_000:])["expected_calibration_error"] for each in (fitted, sigmoid)
    )
    assert after < 0.015
    assert before > 0.2


@given(st.lists(st.tuples(st.floats(-1e6, 1e6, width=32), st.booleans()), min_size=1, max_size=40))
def test_the_map_never_gives_a_higher_score_a_lower_chance(rows: list[tuple[float, bool]]) -> None:
    scores, labels = np.array([row[0] for row in rows], np.float32), np.array([row[1] for row in rows])
    fitted = Calibration.fit(scores, labels)
    chances = fitted(np.sort(np.concatenate([scores, scores + 1, [-np.inf, np.inf]])))
    assert (np.diff(chances) >= -1e-12).all()
    assert chances.min() >= 0
    assert chances.max() <= 1
    assert fitted(scores).mean() == pytest.approx(labels.mean(), abs=1e-6)


def test_a_score_that_is_not_a_number_gets_the_lowest_chance() -> None:
    fitted = Calibration.fit(np.array([0.0, 1.0, np.nan]), np.array([False, True, True]))
    assert fitted(np.array([np.nan])).tolist() == [0.0]


def test_reliability_is_what_one_calculates_by_hand() -> None:
    found = reliability(np.array([0.1] * 10 + [0.8] * 10), np.array([True] + [False] * 9 + [True] * 6 + [False] * 4))
    assert found["brier"] == pytest.approx((0.81 + 9 * 0.01 + 6 * 0.04 + 4 * 0.64) / 20)
    assert sum(bin_["candidates"] for bin_ in found["curve"]) == 20
    assert found["log_loss"] == pytest.approx(-(np.log(0.1) + 9 * np.log(0.9) + 6 * np.log(0.8) + 4 * np.log(0.2)) / 20)
