"""A model's text as arrays walks the same paths, and sums to the same scores, as LightGBM itself."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.strategies.score.forest import Forest
from endcap.strategies.score.quick import QuickScorer

from .models import WIDTH, model, shapes, table


def scorer_of(text: str) -> QuickScorer:
    return QuickScorer.of(Forest.parse(text))


def mean_of_trees(booster: lightgbm.Booster) -> float:
    """The mean over the training rows of what each tree gives, summed over the trees."""
    total = 0.0
    for tree in booster.dump_model()["tree_info"]:
        leaves = list(leaves_of(tree["tree_structure"]))
        counts = sum(count for _, count in leaves)
        total += sum(value * count for value, count in leaves) / counts if counts else leaves[0][0]
    return total


def leaves_of(node: dict[str, Any]) -> Any:
    if "leaf_value" in node:
        yield node["leaf_value"], node.get("leaf_count", 0)
    else:
        yield from leaves_of(node["left_child"])
        yield from leaves_of(node["right_child"])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), categories=st.booleans(), parameters=shapes)
def test_contributions_sum_to_the_score_less_the_trees_means(
    seed: int, categories: bool, parameters: dict[str, Any]
) -> None:
    random = np.random.default_rng(seed)
    booster = model(random, categories=categories, **parameters)
    rows = table(random, 60)
    parts = scorer_of(booster.model_to_string()).contributions(rows)
    assert parts.shape == (60, WIDTH)
    expected = np.asarray(booster.predict(rows, raw_score=True)) - mean_of_trees(booster)
    np.testing.assert_allclose(parts.sum(axis=1), expected, atol=1e-9)


def test_only_features_that_a_tree_splits_on_contribute() -> None:
    random = np.random.default_rng(2)
    booster = model(random, interaction_constraints=[[0]], feature_fraction=1.0)
    parts = scorer_of(booster.model_to_string()).contributions(table(random, 50))
    assert (parts[:, 1:] == 0).all()
    assert (parts[:, 0] != 0).any()


def test_trees_of_a_single_leaf_contribute_nothing_and_shift_no_other_tree() -> None:
    random = np.random.default_rng(5)
    lone = model(random, min_data_in_leaf=1000)
    assert "num_leaves=1\n" in lone.model_to_string()
    assert (scorer_of(lone.model_to_string()).contributions(table(random, 20)) == 0).all()

    full, rows = model(random), table(random, 20)
    text = full.model_to_string()
    stub = "Tree=0\nnum_leaves=1\nnum_cat=0\nleaf_value=0.5\nleaf_count=300\nis_linear=0\nshrinkage=1\n\n\n"
    mixed = text.replace("Tree=0\n", f"{stub}Tree=0\n")
    np.testing.assert_allclose(scorer_of(mixed).contributions(rows), scorer_of(text).contributions(rows), atol=1e-12)


def test_no_rows_have_no_contributions() -> None:
    booster = model(np.random.default_rng(3))
    assert scorer_of(booster.model_to_string()).contributions(np.empty((0, WIDTH), np.float32)).shape == (0, WIDTH)


def test_a_split_by_categories_contributes_to_its_column() -> None:
    random = np.random.default_rng(4)
    rows = np.column_stack([random.integers(0, 6, 300), random.random(300)]).astype(np.float32)
    data = lightgbm.Dataset(rows, np.isin(rows[:, 0], [1, 4]), categorical_feature=[0])
    booster = lightgbm.train({"objective": "binary", "verbosity": -1, "min_data_per_group": 5}, data, 2)
    parts = scorer_of(booster.model_to_string()).contributions(rows)
    wanted = np.isin(rows[:, 0], [1, 4])
    assert parts[wanted, 0].min() > 0 > parts[~wanted, 0].max()


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"objective": "regression", "linear_tree": True}, "linear leaves, expected constant ones: train it without"),
        ({"objective": "multiclass", "num_class": 3}, "gives 3 scores a row, expected 1: train it for an objective"),
    ],
)
def test_a_model_that_gives_no_plain_sum_is_refused(parameters: dict[str, Any], told: str) -> None:
    random = np.random.default_rng(4)
    rows = random.normal(size=(300, 2))
    data = lightgbm.Dataset(rows, np.argmax(np.column_stack([rows, rows[:, :1] * 0]), axis=1), params=parameters)
    booster = lightgbm.train({**parameters, "verbosity": -1}, data, 2)
    with pytest.raises(ValueError, match=told):
        Forest.parse(booster.model_to_string())
