"""The cheapest first; what has no price comes last."""

from __future__ import annotations

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query, Settings


class CheapestConfig(Settings):
    """No parameters."""


class Cheapest:
    Config = CheapestConfig
    requires = ("price.value",)

    def __init__(self, config: CheapestConfig, bundle: Bundle) -> None:
        pass

    def score(self, query: Query, candidates: Candidates) -> Array:
        return -candidates.column("price.value")

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        return -candidates.matrix(self.requires)
