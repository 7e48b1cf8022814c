"""LightGBM on the collected rows: trees for how likely an item is, then LambdaRank's on top for the head of the list.

One forest, two stages. The first, by log loss, learns from every row alike; the second (Burges, MSR-TR-2010-82) moves
what is at the top of each shopper's list. Together they rank better than either alone, and score as fast as one.
Deterministic for one seed.
"""

from __future__ import annotations

import os
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
    "bagging_fraction": 0.5,
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
WORTH_THREADS = 50_000
TREES = sum(stage.trees for stage in STAGES)


def fit_trees(rows: Rows, seed: int, progress: Progress, others: Mapping[str, float] | None = None) -> lightgbm.Booster:
    """A fixed number of trees, small and regularised: shoppers set aside to stop early by are worth more as lessons.

    ``others`` are laid over PARAMETERS.
    Raises DataError where there are not two shoppers to learn from.
    """
    if (found := len(np.unique(rows.users))) < 2:
        raise DataError(
            f"{found} shoppers of the training windows went for an item that recall proposed, expected at least "
            "2; give more events, or raise training.horizon_days or training.windows"
        )
    parameters = {**PARAMETERS, **(others or {}), "seed": seed, "num_threads": threads_for(len(rows.labels))}
    data = lightgbm.Dataset(rows.features, rows.labels, group=rows.sizes, params=parameters, free_raw_data=False)
    booster = None
    for stage in STAGES:
        booster = lightgbm.train(
            {**parameters, "objective": stage.objective},
            data,
            stage.trees,
            init_model=booster,
            callbacks=[_show(progress)],
        )
    assert booster is not None
    return booster


def threads_for(rows: int) -> int:
    """Said, not left to OpenMP: exporting the text model leaves its default at one. Few rows are quickest on one."""
    return len(os.sched_getaffinity(0)) if rows >= WORTH_THREADS else 1


def _show(progress: Progress) -> Any:
    def callback(env: Any) -> None:
        progress("fitting the ranker", env.iteration + 1, TREES)

    return callback
