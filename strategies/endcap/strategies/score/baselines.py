"""Scorers to compare with: a source's own order, popularity, and chance."""

from __future__ import annotations

import hashlib

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query, Settings
from endcap.strategies.merge import FUSED


class BySourceConfig(Settings):
    """No parameters."""


class BySource:
    """The order that recall gave: of the one source, or of several by reciprocal rank fusion."""

    Config = BySourceConfig
    requires: tuple[str, ...] = (FUSED,)

    def __init__(self, config: BySourceConfig, bundle: Bundle) -> None:
        pass

    def score(self, query: Query, candidates: Candidates) -> Array:
        return candidates.column(FUSED)

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        return candidates.matrix(self.requires)


class PopularScorerConfig(Settings):
    column: str = "item.weight_28d"


class PopularScorer:
    Config = PopularScorerConfig

    def __init__(self, config: PopularScorerConfig, bundle: Bundle) -> None:
        self.requires = (config.column,)

    def score(self, query: Query, candidates: Candidates) -> Array:
        return candidates.column(self.requires[0])

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        return candidates.matrix(self.requires)


class ShuffleConfig(Settings):
    seed: int = 0


class Shuffle:
    """Chance, the floor of every comparison; the same request id gets the same order."""

    Config = ShuffleConfig
    requires: tuple[str, ...] = ()

    def __init__(self, config: ShuffleConfig, bundle: Bundle) -> None:
        self.seed = config.seed

    def score(self, query: Query, candidates: Candidates) -> Array:
        digest = hashlib.blake2b(f"{self.seed}/{query.request_id}/{query.user}".encode(), digest_size=8).digest()
        return np.random.default_rng(int.from_bytes(digest)).random(len(candidates), np.float32)

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        return np.empty((len(candidates), 0), np.float32)
