"""Chance: the floor of every comparison."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.training.baselines.contract import Baseline, Scores
from endcap.training.shop import Shop


def _fit(known: Shop, seed: int) -> Scores:
    size = len(known.item_ids)

    def scores(users: Array) -> Array:
        return np.stack([np.random.default_rng([seed, int(user)]).random(size, np.float32) for user in users])

    return scores


RANDOM = Baseline("random", "any items of the catalog, by lot", _fit)
