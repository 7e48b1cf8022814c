"""LightGBM on the collected rows: trees for how likely an item is, then LambdaRank's on top for the head of the list.

One forest, two stages. The first, by log loss, learns from every row alike; the second (Burges, MSR-TR-2010-82) moves
what is at the top of each shopper's list. Together they rank better than either alone, and score as fast as one.
Deterministic for one seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import lightgbm
import numpy as np

from endcap.bundle.writer import PartWriter
from endcap.training.errors import DataError
from endcap.training.progress import Progress
from endcap.training.ranker.rows import Rows

VALIDATION_SHARE, PATIENCE = 0.1, 30
PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 31,
    "max_bin": 63,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


class Stage(NamedTuple):
    """Trees grown for one objective, on top of those of the stages before."""

    objective: str
    metric: str
    trees: int


STAGES = (Stage("binary", "binary_logloss", 200), Stage("lambdarank", "ndcg", 100))
TREES = sum(stage.trees for stage in STAGES)


def fit_ranker(rows: Rows, seed: int, progress: Progress) -> lightgbm.Booster:
    """Stops early by shoppers set aside from the training windows; no later window is read.

    Raises DataError where there are not two shoppers to learn from.
    """
    if (found := len(np.unique(rows.users))) < 2:
        raise DataError(
            f"{found} shoppers of the training windows went for an item that recall proposed, expected at least "
            "2; give more events, or raise training.horizon_days or training.windows"
        )
    held = np.isin(rows.users, _held_out(rows.users, seed))
    training, validation = _part(rows, ~held), _part(rows, held)
    booster = None
    for stage in STAGES:
        booster = _grow(stage, booster, training, validation, seed, progress)
    assert booster is not None
    return booster


def _grow(
    stage: Stage,
    grown: lightgbm.Booster | None,
    training: Rows,
    validation: Rows,
    seed: int,
    progress: Progress,
) -> lightgbm.Booster:
    parameters = {**PARAMETERS, "objective": stage.objective, "metric": stage.metric, "eval_at": [10], "seed": seed}
    sets: dict[str, Any] = {"params": parameters, "free_raw_data": False}
    data = lightgbm.Dataset(training.features, training.labels, group=training.sizes, **sets)
    check = data.create_valid(validation.features, validation.labels, group=validation.sizes)
    return lightgbm.train(
        parameters,
        data,
        stage.trees,
        valid_sets=[check],
        init_model=grown,
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False), _show(progress)],
    )


def _held_out(users: np.ndarray[Any, Any], seed: int) -> np.ndarray[Any, Any]:
    distinct = np.unique(users)
    count = max(1, round(len(distinct) * VALIDATION_SHARE))
    return np.random.default_rng(seed).choice(distinct, count, replace=False)


def _part(rows: Rows, groups: np.ndarray[Any, Any]) -> Rows:
    inside = np.repeat(groups, rows.sizes)
    return Rows(rows.features[inside], rows.labels[inside], rows.sizes[groups], rows.users[groups])


def _show(progress: Progress) -> Any:
    def callback(env: Any) -> None:
        progress("fitting the ranker", env.iteration + 1, TREES)

    return callback


def write_ranker(part: PartWriter, booster: lightgbm.Booster, names: Sequence[str]) -> None:
    """The model as text, without the trailing parameters: they hold nothing that prediction reads.

    The columns' names stand beside it, since LightGBM changes or refuses those with blanks, commas and brackets.
    """
    text = booster.model_to_string(num_iteration=booster.best_iteration)
    (part.folder / "model.txt").write_text(text[: text.index("\nparameters:")] + "\n", encoding="utf-8")
    part.json("features", list(names))
