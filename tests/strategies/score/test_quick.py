from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.strategies.score.forest import Forest
from endcap.strategies.score.quick import BLOCK, QuickScorer

WIDTH = 5


def table(random: np.random.Generator, rows: int) -> Array:
    """float32[rows, WIDTH] with what LightGBM treats in ways of its own: NaN, zeros, infinities, equal values."""
    values = random.normal(0, 2, (rows, WIDTH)).astype(np.float32)
    for value, share in ((np.nan, 0.15), (0.0, 0.15), (np.inf, 0.03), (-np.inf, 0.03), (1e-35, 0.02), (-1e-36, 0.02)):
        values[random.random(values.shape) < share] = value
    values[:, 2] = np.round(values[:, 2])
    return values


def model(random: np.random.Generator, rows: int = 400, trees: int = 6, **parameters: Any) -> lightgbm.Booster:
    values = table(random, rows)
    if not random.integers(3):
        values = np.nan_to_num(values)  # columns without a missing value make nodes of another kind
    labels = np.nan_to_num(values[:, 0], posinf=3, neginf=-3) + np.isnan(values[:, 1]) + random.random(rows) > 0.7
    base = {"objective": "binary", "min_data_in_leaf": 2, "verbosity": -1, "num_threads": 1}
    return lightgbm.train({**base, **parameters}, lightgbm.Dataset(values, labels), trees)


def scorer_of(booster: lightgbm.Booster) -> QuickScorer | None:
    return QuickScorer.of(Forest.parse(booster.model_to_string()))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    size=st.sampled_from([1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 2000]),
    parameters=st.fixed_dictionaries(
        {
            "zero_as_missing": st.booleans(),
            "use_missing": st.booleans(),
            "num_leaves": st.sampled_from([2, 3, 31, 63, 64]),
            "max_bin": st.sampled_from([5, 255]),
            "learning_rate": st.sampled_from([0.1, 1.0]),
            "extra_trees": st.booleans(),
        }
    ),
)
def test_every_score_is_lightgbms_to_the_last_bit(seed: int, size: int, parameters: dict[str, Any]) -> None:
    random = np.random.default_rng(seed)
    booster = model(random, **parameters)
    rows = table(random, size)
    scorer = scorer_of(booster)
    assert scorer is not None
    np.testing.assert_array_equal(scorer.scores(rows), np.asarray(booster.predict(rows, raw_score=True)))


def test_stages_of_different_objectives_are_one_sum() -> None:
    random = np.random.default_rng(1)
    rows = table(random, 300)
    data = lightgbm.Dataset(rows, rows[:, 0] > 0, group=[30] * 10, free_raw_data=False)
    first = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 5)
    both = lightgbm.train({"objective": "lambdarank", "verbosity": -1, "num_threads": 1}, data, 5, init_model=first)
    scorer = scorer_of(both)
    assert scorer is not None
    np.testing.assert_array_equal(scorer.scores(rows), np.asarray(both.predict(rows, raw_score=True)))


def test_thresholds_between_two_floats_part_them_as_doubles_do() -> None:
    low = np.float32(1.0)
    high = np.nextafter(low, np.float32(2.0))
    values = np.repeat([low, high], 50)[:, None]
    data = lightgbm.Dataset(values.astype(np.float64), values[:, 0] == high)
    booster = lightgbm.train(
        {"objective": "binary", "min_data_in_leaf": 1, "verbosity": -1, "min_data_in_bin": 1}, data, 3
    )
    assert float(low) < booster.dump_model()["tree_info"][0]["tree_structure"]["threshold"] < float(high)
    scorer = scorer_of(booster)
    assert scorer is not None
    expected = np.asarray(booster.predict(values, raw_score=True))
    assert expected[0] != expected[-1]
    np.testing.assert_array_equal(scorer.scores(values), expected)


def test_a_tree_with_more_leaves_than_a_word_has_bits_is_left_to_lightgbm() -> None:
    booster = model(np.random.default_rng(2), rows=4000, num_leaves=65)
    assert max(tree["num_leaves"] for tree in booster.dump_model()["tree_info"]) == 65
    assert scorer_of(booster) is None


def test_trees_of_a_single_leaf_count() -> None:
    lone = model(np.random.default_rng(3), min_data_in_leaf=1000)
    assert "num_leaves=1\n" in lone.model_to_string()
    rows = table(np.random.default_rng(4), 10)
    scorer = scorer_of(lone)
    assert scorer is not None
    np.testing.assert_array_equal(scorer.scores(rows), np.asarray(lone.predict(rows, raw_score=True)))


def test_no_rows_have_no_scores() -> None:
    scorer = scorer_of(model(np.random.default_rng(5)))
    assert scorer is not None
    assert scorer.scores(np.empty((0, WIDTH), np.float32)).shape == (0,)


SCORES = """
import numpy as np
from endcap.strategies.score import quick
{change}
from endcap.strategies.score.forest import Forest
scorer = quick.QuickScorer.of(Forest.parse(open({model!r}).read()))
print(scorer.scores(np.load({rows!r})).tobytes().hex())
"""


@pytest.mark.parametrize(
    ("environment", "change"),
    [
        ({"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}, ""),  # a machine without wide vectors
        ({"NUMBA_DISABLE_JIT": "1"}, ""),
    ],
)
def test_other_machine_code_gives_the_same_scores(tmp_path: Path, environment: dict[str, str], change: str) -> None:
    random = np.random.default_rng(6)
    booster, rows = model(random, trees=3), table(random, 70)
    (tmp_path / "model.txt").write_text(booster.model_to_string())
    np.save(tmp_path / "rows.npy", rows)
    code = SCORES.format(change=change, model=str(tmp_path / "model.txt"), rows=str(tmp_path / "rows.npy"))
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    expected = np.asarray(booster.predict(rows, raw_score=True))
    assert found.stdout.strip() == expected.tobytes().hex()
