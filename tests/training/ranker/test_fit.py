from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np
import pytest

from endcap.bundle.folder import Part
from endcap.bundle.writer import PartWriter
from endcap.strategies.score.forest import Forest
from endcap.training.errors import DataError
from endcap.training.progress import silent
from endcap.training.ranker import fit
from endcap.training.ranker.fit import fit_ranker, write_ranker
from endcap.training.ranker.rows import Rows

NAMES = ["display=front, end", 'brand="A"', "plain.name"]


def rows(groups: int = 40, size: int = 30, seed: int = 1) -> Rows:
    random = np.random.default_rng(seed)
    features = random.random((groups * size, len(NAMES))).astype(np.float32)
    labels = (features[:, 1] + 0.3 * random.random(len(features)) > 0.9).astype(np.int8)
    return Rows(features, labels, np.full(groups, size, np.int32), np.arange(groups, dtype=np.int32))


def test_the_ranker_learns_what_tells_positives_from_negatives() -> None:
    data = rows()
    booster = fit_ranker(data, 7, silent)
    scores = np.asarray(booster.predict(data.features))
    assert scores[data.labels == 1].min() > np.median(scores[data.labels == 0])
    assert booster.feature_importance("gain").argmax() == 1


def test_one_seed_gives_one_model_to_the_byte() -> None:
    one, again, other = (fit_ranker(rows(), seed, silent).model_to_string() for seed in (7, 7, 8))
    assert one == again
    assert one != other


def test_names_that_lightgbm_would_change_or_refuse_are_kept(tmp_path: Path) -> None:
    booster = fit_ranker(rows(), 7, silent)
    write_ranker(PartWriter(tmp_path), booster, NAMES)
    assert Part(tmp_path).json("features") == NAMES


def test_the_written_model_predicts_as_the_fitted_one_and_says_nothing_of_the_machine(tmp_path: Path) -> None:
    data = rows()
    booster = fit_ranker(data, 7, silent)
    write_ranker(PartWriter(tmp_path), booster, NAMES)
    text = (tmp_path / "model.txt").read_text()
    assert "num_threads" not in text
    read = lightgbm.Booster(model_str=text)
    assert read.num_trees() == booster.num_trees()
    np.testing.assert_array_equal(read.predict(data.features), booster.predict(data.features))
    assert len(Forest.parse(text).roots) == booster.num_trees()


def test_both_stages_grow_trees_of_one_forest() -> None:
    assert fit.STAGES[0].trees < fit_ranker(rows(), 7, silent).num_trees() <= fit.TREES


@pytest.mark.parametrize("data", [Rows.joined([]), rows(groups=1)])
def test_too_few_shoppers_to_learn_from_are_an_error_that_says_what_to_do(data: Rows) -> None:
    with pytest.raises(
        DataError, match=r"[01] shoppers of the training windows.*expected at least 2; give more events"
    ):
        fit_ranker(data, 7, silent)


def test_two_shoppers_are_enough() -> None:
    assert fit_ranker(rows(groups=2), 7, silent).num_trees() >= 1
