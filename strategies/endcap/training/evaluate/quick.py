"""The check that every training ends with: strategies ranked on the last window, which no fit has seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from endcap.training.evaluate.metrics import binary_ideal, ndcg, recall
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.questions import Translation, questions
from endcap.training.evaluate.ranking import Opening, rank
from endcap.training.parallel import Workers


def quick_check(pool: Workers, holdout: Holdout, opening: Opening) -> dict[str, Any]:
    """How many shoppers with earlier events were asked about, and the means over them by strategy."""
    rows = np.flatnonzero(holdout.regulars & (holdout.truth.sizes > 0))
    if not len(rows):
        return {"shoppers": 0, "strategies": {}}
    asked = questions(holdout, Translation.between(holdout.known, opening.bundle()), rows)
    lists = rank(pool, opening, asked)
    truth = holdout.truth.take(rows)
    found = {}
    for name, slates in lists.slates.items():
        hits = truth.hits(slates)
        quality = {"ndcg@10": ndcg(hits, binary_ideal(truth.sizes, 10), 10), "recall@20": recall(hits, truth.sizes, 20)}
        found[name] = {metric: round(float(values.mean()), 4) for metric, values in quality.items()}
    return {"shoppers": len(rows), "strategies": found}
