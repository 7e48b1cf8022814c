"""What this shopper bought most often; hard to beat where people buy the same things again."""

from __future__ import annotations

from endcap.bundle.events import Array
from endcap.strategies.anchors import decay
from endcap.training.baselines.contract import Baseline, Scores, grid
from endcap.training.baselines.matrix import only_positive, purchases
from endcap.training.shop import Shop


def _fit(known: Shop, seed: int, half_life_days: float | None = None) -> Scores:
    factors = None if half_life_days is None else decay(known.data_end - known.log.times, half_life_days)
    counts = purchases(known, factors)

    def scores(users: Array) -> Array:
        return only_positive(counts[users].toarray())

    return scores


FREQUENCY = Baseline("frequency", "what the shopper bought most often", _fit)
FREQUENCY_DECAYED = Baseline(
    "frequency_decayed",
    "what the shopper bought most often, older purchases counting less",
    _fit,
    grid(half_life_days=(30.0, 60.0, 120.0, 240.0)),
)
