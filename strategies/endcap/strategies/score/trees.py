"""LightGBM LambdaRank over every column that the hydrators gathered."""

from __future__ import annotations

import lightgbm
import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query, Settings
from endcap.strategies.score.forest import Forest


class TreesConfig(Settings):
    model: str = "ranker"
    """The bundle part that holds ``model.txt`` and ``features.json``."""


class Trees:
    Config = TreesConfig

    def __init__(self, config: TreesConfig, bundle: Bundle) -> None:
        part = bundle.part(config.model)
        text = part.file("model.txt").read_text(encoding="utf-8")
        self.requires = tuple(part.json("features"))
        self.booster = lightgbm.Booster(model_str=text)
        self.forest = Forest.parse(text)

    def score(self, query: Query, candidates: Candidates) -> Array:
        if not len(candidates):
            return np.empty(0, np.float32)
        rows = candidates.matrix(self.requires)
        return np.asarray(self.booster.predict(rows, num_threads=1), np.float32)

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        parts: Array = self.forest.contributions(candidates.matrix(self.requires)).astype(np.float32)
        return parts
