from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.strategies.score.forest import Forest
from endcap.strategies.score.native import ROWS
from endcap.strategies.score.quick import QuickScorer

from .models import CATEGORIES, WIDTH, model, raw_scores, shapes, table

SIZES = st.sampled_from([1, 2, ROWS - 1, ROWS, ROWS + 1, 2000])


def scorer_of(booster: lightgbm.Booster) -> QuickScorer:
    return QuickScorer.of(Forest.parse(booster.model_to_string()))


def most_leaves(booster: lightgbm.Booster) -> int:
    return max(int(tree["num_leaves"]) for tree in booster.dump_model()["tree_info"])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), size=SIZES, categories=st.booleans(), parameters=shapes)
def test_every_score_is_lightgbms_to_the_last_bit(
    seed: int, size: int, categories: bool, parameters: dict[str, Any]
) -> None:
    random = np.random.default_rng(seed)
    booster = model(random, categories=categories, **parameters)
    rows = table(random, size)
    np.testing.assert_array_equal(scorer_of(booster).scores(rows), raw_scores(booster, rows))


def test_stages_of_different_objectives_are_one_sum() -> None:
    random = np.random.default_rng(1)
    rows = table(random, 300)
    data = lightgbm.Dataset(rows[:, :4], rows[:, 0] > 0, group=[30] * 10, free_raw_data=False)
    first = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 5)
    both = lightgbm.train({"objective": "lambdarank", "verbosity": -1, "num_threads": 1}, data, 5, init_model=first)
    np.testing.assert_array_equal(scorer_of(both).scores(rows[:, :4]), raw_scores(both, rows[:, :4]))


def test_thresholds_between_two_floats_part_them_as_doubles_do() -> None:
    low = np.float32(1.0)
    high = np.nextafter(low, np.float32(2.0))
    values = np.repeat([low, high], 50)[:, None]
    data = lightgbm.Dataset(values.astype(np.float64), values[:, 0] == high)
    booster = lightgbm.train(
        {"objective": "binary", "min_data_in_leaf": 1, "verbosity": -1, "min_data_in_bin": 1}, data, 3
    )
    assert float(low) < booster.dump_model()["tree_info"][0]["tree_structure"]["threshold"] < float(high)
    expected = raw_scores(booster, values)
    assert expected[0] != expected[-1]
    np.testing.assert_array_equal(scorer_of(booster).scores(values), expected)


@pytest.mark.parametrize("leaves", [32, 33, 64, 65, 400])
def test_a_tree_may_have_any_number_of_leaves(leaves: int) -> None:
    random = np.random.default_rng(2)
    booster = model(random, rows=6000, trees=2, num_leaves=leaves, min_data_in_leaf=1, min_sum_hessian_in_leaf=0)
    assert most_leaves(booster) == leaves
    rows, scorer = table(random, 400), scorer_of(booster)
    np.testing.assert_array_equal(scorer.scores(rows), raw_scores(booster, rows))
    assert np.diff(scorer.trees).max() == -(-leaves // 32)


def chain(leaves: int, longer: str) -> str:
    """The text of one tree whose every node has a leaf on one side and the rest of the tree on the other."""
    nodes = range(leaves - 1)
    rest = [str(node + 1) for node in nodes[:-1]] + [str(-leaves)]
    sides = {longer: rest, "right" if longer == "left" else "left": [str(-1 - node) for node in nodes]}
    thresholds = [str(node if longer == "right" else leaves - node) for node in nodes]
    content = {
        "num_leaves": [str(leaves)],
        "num_cat": ["0"],
        "split_feature": ["0" for _ in nodes],
        "split_gain": ["1" for _ in nodes],
        "threshold": thresholds,
        "decision_type": ["8" for _ in nodes],
        "left_child": sides["left"],
        "right_child": sides["right"],
        "leaf_value": [str(leaf * 0.1) for leaf in range(leaves)],
        "leaf_weight": ["1"] * leaves,
        "leaf_count": ["1"] * leaves,
        "internal_value": ["0" for _ in nodes],
        "internal_weight": ["1" for _ in nodes],
        "internal_count": ["1" for _ in nodes],
        "is_linear": ["0"],
        "shrinkage": ["1"],
    }
    tree = "Tree=0\n" + "".join(f"{key}={' '.join(values)}\n" for key, values in content.items())
    header = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\n"
    names = "objective=regression\nfeature_names=a\nfeature_infos=[0:100]\n"
    return f"{header}{names}tree_sizes={len(tree) + 1}\n\n{tree}\n\nend of trees\n"


@pytest.mark.parametrize("longer", ["left", "right"])
@pytest.mark.parametrize("leaves", [2, 32, 64, 65, 100])
def test_a_chain_of_nodes_is_scored_like_any_tree(longer: str, leaves: int) -> None:
    booster = lightgbm.Booster(model_str=chain(leaves, longer))
    rows = np.append(np.arange(-1, 110, 0.5), np.nan).astype(np.float32)[:, None]
    expected = raw_scores(booster, rows)
    assert len(np.unique(expected)) == leaves
    np.testing.assert_array_equal(scorer_of(booster).scores(rows), expected)


@pytest.mark.parametrize("value", [np.nan, -1.0, -0.5, 0.0, 0.9, 3.5, 31.0, 32.0, 1e6, 2.0**31, 2.0**40, np.inf])
def test_a_category_is_cut_to_a_whole_number_and_one_never_seen_goes_right(value: float) -> None:
    random = np.random.default_rng(3)
    booster = model(random, trees=20, max_cat_to_onehot=1)
    assert "num_cat=0" not in booster.model_to_string().split("Tree=1")[0]
    rows = table(random, 100)
    rows[:, list(CATEGORIES)] = value
    np.testing.assert_array_equal(scorer_of(booster).scores(rows), raw_scores(booster, rows))


def test_trees_of_a_single_leaf_count() -> None:
    lone = model(np.random.default_rng(3), min_data_in_leaf=1000)
    assert "num_leaves=1\n" in lone.model_to_string()
    rows = table(np.random.default_rng(4), 10)
    np.testing.assert_array_equal(scorer_of(lone).scores(rows), raw_scores(lone, rows))


def test_no_rows_have_no_scores() -> None:
    assert scorer_of(model(np.random.default_rng(5))).scores(np.empty((0, WIDTH), np.float32)).shape == (0,)


def test_rows_are_read_as_they_lie_in_memory() -> None:
    random = np.random.default_rng(7)
    booster, rows = model(random), table(random, 100)
    strided = np.repeat(rows, 2, axis=1)[::-1, ::2]
    np.testing.assert_array_equal(scorer_of(booster).scores(strided), raw_scores(booster, rows)[::-1])


SCORES = """
import sys
import numpy as np
from endcap.strategies.score import quick
from endcap.strategies.score.forest import Forest
scorer, rows = quick.QuickScorer.of(Forest.parse(open(sys.argv[1]).read())), np.load(sys.argv[2])
print(scorer.scores(rows).tobytes().hex(), scorer.contributions(rows).tobytes().hex())
"""


def test_each_kind_of_machine_gets_its_own_code_and_the_same_scores(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    booster, rows = model(random, trees=3, num_leaves=65), table(random, 70)
    (tmp_path / "model.txt").write_text(booster.model_to_string())
    np.save(tmp_path / "rows.npy", rows)
    expected = [raw_scores(booster, rows), scorer_of(booster).contributions(rows)]
    lesser = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}  # no vectors but those that all such machines have
    for kinds, environment in enumerate((lesser, {**lesser, "NUMBA_CPU_FEATURES": "+avx,+avx2"}, {}), 1):
        found = _scored(tmp_path, tmp_path / "cache", **environment)
        assert found == [each.tobytes().hex() for each in expected]
        assert len(list(tmp_path.rglob("*.add_leaves-*.nbc"))) == kinds, "code for one machine ran on another"


def _scored(folder: Path, cache: Path, **environment: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", SCORES, str(folder / "model.txt"), str(folder / "rows.npy")],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return ran.stdout.split()


def test_scores_of_one_table_are_equal_from_several_threads_at_once() -> None:
    random = np.random.default_rng(8)
    booster, rows = model(random, trees=30, num_leaves=40), table(random, 900)
    scorer, expected = scorer_of(booster), raw_scores(booster, rows)
    with ThreadPoolExecutor(4) as threads:
        found: list[Array] = list(threads.map(lambda _: scorer.scores(rows), range(40)))
    assert all((each == expected).all() for each in found)
