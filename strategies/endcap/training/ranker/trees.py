"""LightGBM on the collected rows: trees for how likely an item is, then LambdaRank's on top for the head of the list.

One forest, two stages. The first, by log loss, learns from every row alike; the second (Burges, MSR-TR-2010-82) moves
what is at the top of each shopper's list. Together they rank better than either alone, and score as fast as one.
Deterministic for one seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import lightgbm
import numpy as np

from endcap.training.errors import DataError
from endcap.training.progress import Progress
from endcap.training.ranker.rows import Rows

PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.067,
    "num_leaves": 31,
    "max_bin": 63,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.35,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_col_wise": True,  # few threads and dense columns: a quarter quicker than by rows
    "verbosity": -1,
}


class Stage(NamedTuple):
    """Trees grown for one objective, on top of those of the stages before."""

    objective: str
    trees: int


STAGES = (Stage("binary", 150), Stage("lambdarank", 75))
TREES = sum(stage.trees for stage in STAGES)


def fit_trees(
    rows: Rows, seed: int, progress: Progress, others: Mapping[str, float] | None = None, threads: int = 1
) -> lightgbm.Booster:
    """A fixed number of trees, small and regularised: shoppers set aside to stop early by are worth more as lessons.

    ``others`` are laid over PARAMETERS. The number of ``threads`` leaves the result as it is.
    Raises DataError where there are not two shoppers to learn from.
    """
    if (found := len(np.unique(rows.users))) < 2:
        raise DataError(
            f"{found} shoppers of the training windows went for an item that recall proposed, expected at least "
            "2; give more events, or raise training.horizon_days or training.windows"
        )
    parameters = {**PARAMETERS, **(others or {}), "seed": seed, "num_threads": threads}
    data = lightgbm.Dataset(rows.features, rows.labels, group=rows.sizes, params=parameters)
    first, second = STAGES
    booster = lightgbm.Booster({**parameters, "objective": first.objective}, data)
    if _grow(booster, first, progress):  # else no column tells anything, and LightGBM does not go on from that
        booster.reset_parameter({"objective": second.objective})  # goes on from the scores so far
        _grow(booster, second, progress)
    return booster


def _grow(booster: lightgbm.Booster, stage: Stage, progress: Progress) -> bool:
    """Whether any of the stage's trees found something to split."""
    grew = False
    for _ in range(stage.trees):
        grew = not booster.update() or grew
        progress("fitting the ranker", booster.current_iteration(), TREES)
    return grew
