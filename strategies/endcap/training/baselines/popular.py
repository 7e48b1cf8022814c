"""The same list for everyone: what sold most lately; where times are a plain order, which has no days, ever."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.contract import SECONDS_PER_DAY
from endcap.training.baselines.contract import Baseline, Scores
from endcap.training.baselines.matrix import only_positive
from endcap.training.shop import Shop


def _fit(known: Shop, seed: int, days: float) -> Scores:
    lately = known.data_end - known.log.times <= days * SECONDS_PER_DAY
    recent = known.log.goals & (lately | (known.clock.kind == "order"))
    counts = np.bincount(known.log.items[recent], minlength=len(known.item_ids)).astype(np.float32)

    def scores(users: Array) -> Array:
        return only_positive(np.tile(counts, (len(users), 1)))

    return scores


POPULAR = Baseline("popular", "what sold most in the last 28 days", _fit, ({"days": 28.0},))
