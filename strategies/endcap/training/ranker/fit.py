"""LightGBM LambdaRank on the collected rows: Burges, MSR-TR-2010-82; deterministic for one seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightgbm
import numpy as np

from endcap.bundle.writer import PartWriter
from endcap.training.errors import DataError
from endcap.training.progress import Progress
from endcap.training.ranker.rows import Rows

TREES, PATIENCE, VALIDATION_SHARE = 300, 30, 0.1
PARAMETERS: dict[str, Any] = {
    "objective": "lambdarank",
    "metric": "ndcg",
    "eval_at": [10],
    "learning_rate": 0.08,
    "num_leaves": 63,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "lambdarank_truncation_level": 30,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


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
    parameters = {**PARAMETERS, "seed": seed, "num_threads": 0}
    data = lightgbm.Dataset(training.features, training.labels, group=training.sizes)
    check = data.create_valid(validation.features, validation.labels, group=validation.sizes)
    return lightgbm.train(
        parameters,
        data,
        TREES,
        valid_sets=[check],
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
