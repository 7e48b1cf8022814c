"""Random LightGBM models, and rows with all that LightGBM treats in ways of its own."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
from hypothesis import strategies as st

from endcap.bundle.events import Array

WIDTH = 6
CATEGORIES = (4, 5)
"""Columns that hold whole numbers, the one up to 12, the other up to 90, which need several words of bits."""
ODD = (np.nan, 0.0, -0.0, np.inf, -np.inf, 1e-35, -1e-35, 1e-36, -1e-40, 3e38, -3e38)
ODD_CATEGORIES = (np.nan, -1.0, -0.5, -0.0, 0.7, 3.999, 31.0, 32.0, 95.0, 96.0, 1e9, 2.0**31, 2.0**33, np.inf, -np.inf)

shapes = st.fixed_dictionaries(
    {
        "zero_as_missing": st.booleans(),
        "use_missing": st.booleans(),
        "num_leaves": st.sampled_from([2, 3, 31, 32, 33, 64, 65, 200]),
        "max_bin": st.sampled_from([5, 255]),
        "learning_rate": st.sampled_from([0.1, 1.0]),
        "extra_trees": st.booleans(),
        "max_cat_to_onehot": st.sampled_from([1, 100]),
        "boosting": st.sampled_from(["gbdt", "dart", "rf"]),
        "bagging_freq": st.just(1),
        "bagging_fraction": st.just(0.8),
    }
)


def table(random: np.random.Generator, rows: int) -> Array:
    """float32[rows, WIDTH]."""
    values = random.normal(0, 2, (rows, WIDTH)).astype(np.float32)
    values[:, 2] = np.round(values[:, 2])
    for column, most in zip(CATEGORIES, (12, 90), strict=True):
        values[:, column] = random.integers(0, most, rows)
    for column in range(WIDTH):
        odd = ODD_CATEGORIES if column in CATEGORIES else ODD
        chosen = random.random(rows) < 0.3
        values[chosen, column] = random.choice(np.array(odd, np.float32), chosen.sum())
    return values


def lessons(random: np.random.Generator, rows: int) -> tuple[Array, Array]:
    """Rows to learn from and their labels, bool[rows]."""
    values = table(random, rows)
    for column in CATEGORIES:  # LightGBM learns from categories that an int32 holds
        values[:, column] = np.where(np.abs(values[:, column]) < 1e6, values[:, column], np.nan)
    if not random.integers(3):
        values = np.nan_to_num(values)  # columns without a missing value make nodes of another kind
    of_category = np.isin(values[:, 4], [1, 4, 7]) + (values[:, 5] % 7 < 2)
    labels = np.nan_to_num(values[:, 0], posinf=3, neginf=-3) + np.isnan(values[:, 1]) + of_category
    return values, labels + random.random(rows) > 1.2


def model(
    random: np.random.Generator, rows: int = 600, trees: int = 6, categories: bool = True, **parameters: Any
) -> lightgbm.Booster:
    base = {"objective": "binary", "min_data_in_leaf": 2, "verbosity": -1, "num_threads": 1}
    wide = {"min_data_per_group": 2, "cat_smooth": 1.0, "seed": int(random.integers(1000))}
    chosen = list(CATEGORIES) if categories else []
    data = lightgbm.Dataset(*lessons(random, rows), categorical_feature=chosen)
    return lightgbm.train({**base, **wide, **parameters}, data, trees)


def raw_scores(booster: lightgbm.Booster, rows: Array) -> Array:
    return np.asarray(booster.predict(rows, raw_score=True, num_threads=1))
