"""LightGBM over every column that the hydrators gathered, and beside it a small network where training made one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, Part
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query, Settings
from endcap.strategies.score.forest import Forest
from endcap.strategies.score.net import Net
from endcap.strategies.score.quick import QuickScorer


class TreesConfig(Settings):
    model: str = "ranker"
    """The bundle part that holds ``model.txt`` and ``features.json``."""
    net: bool = True
    """Whether the network has a say, where the part holds one."""


@dataclass(frozen=True)
class Blend:
    """How the scores of trees and network become one, in the trees' unit."""

    share: float
    """What the network says, from 0 to 1."""
    scale: float
    """The spread of the trees' scores by that of the network's."""

    def __call__(self, trees: Array, net: Array) -> Array:
        blended: Array = (1.0 - self.share) * trees + self.share * self.scale * net
        return blended.astype(np.float32, copy=False)


class Trees:
    Config = TreesConfig

    def __init__(self, config: TreesConfig, bundle: Bundle) -> None:
        part = bundle.part(config.model)
        self.requires = tuple(part.json("features"))
        self.quick = QuickScorer.of(Forest.parse(part.file("model.txt").read_text(encoding="utf-8")))
        self.net, self.blend = beside(part) if config.net else (None, Blend(0.0, 1.0))

    def score(self, query: Query, candidates: Candidates) -> Array:
        if not len(candidates):
            return np.empty(0, np.float32)
        tiles, count = candidates.tiles(self.requires), len(candidates)
        trees = self.quick.of_tiles(tiles, count).astype(np.float32)
        return self.blend(trees, self.net.of_tiles(tiles, count)) if self.net else trees

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        tiles, count = candidates.tiles(self.requires), len(candidates)
        parts: Array = self.quick.parts_of_tiles(tiles, count).astype(np.float32)
        return self.blend(parts, self.net.parts_of_tiles(tiles, count)) if self.net else parts


def beside(part: Part) -> tuple[Net | None, Blend]:
    """The network and its share; none where training made none, or found it of no use."""
    if "blend.json" not in part.files():
        return None, Blend(0.0, 1.0)
    blend = Blend(**part.json("blend"))
    return (Net.open(part) if blend.share else None), blend
