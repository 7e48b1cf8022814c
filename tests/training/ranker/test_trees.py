from __future__ import annotations

import numpy as np
import pytest

from endcap.training.errors import DataError
from endcap.training.progress import silent
from endcap.training.ranker.rows import Rows
from endcap.training.ranker.trees import STAGES, TREES, fit_trees

NAMES = ["display=front, end", 'brand="A"', "plain.name"]


def rows(groups: int = 40, size: int = 30, seed: int = 1) -> Rows:
    random = np.random.default_rng(seed)
    features = random.random((groups * size, len(NAMES))).astype(np.float32)
    labels = (features[:, 1] + 0.3 * random.random(len(features)) > 0.9).astype(np.int8)
    return Rows(features, labels, np.full(groups, size, np.int32), np.arange(groups, dtype=np.int32))


def test_the_ranker_learns_what_tells_positives_from_negatives() -> None:
    data = rows()
    booster = fit_trees(data, 7, silent)
    scores = np.asarray(booster.predict(data.features))
    assert scores[data.labels == 1].min() > np.median(scores[data.labels == 0])
    assert booster.feature_importance("gain").argmax() == 1


def test_one_seed_gives_one_model_to_the_byte() -> None:
    one, again, other = (fit_trees(rows(), seed, silent).model_to_string() for seed in (7, 7, 8))
    assert one == again
    assert one != other


def test_both_stages_grow_trees_of_one_forest() -> None:
    assert STAGES[0].trees < fit_trees(rows(), 7, silent).num_trees() <= TREES


@pytest.mark.parametrize("data", [Rows.joined([]), rows(groups=1)])
def test_too_few_shoppers_to_learn_from_are_an_error_that_says_what_to_do(data: Rows) -> None:
    with pytest.raises(
        DataError, match=r"[01] shoppers of the training windows.*expected at least 2; give more events"
    ):
        fit_trees(data, 7, silent)


def test_two_shoppers_are_enough() -> None:
    assert fit_trees(rows(groups=2), 7, silent).num_trees() >= 1
