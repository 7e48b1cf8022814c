"""How many of the shoppers who choose alike bought each candidate."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Query, ReasonCode, Settings
from endcap.strategies.recall.neighbours import WINDOWS_DAYS, like_shoppers


class NeighbourVotesConfig(Settings):
    """No parameters: who is alike, and the windows, were fixed at training."""


class NeighbourVotes:
    Config = NeighbourVotesConfig
    provides = (
        *(Feature(f"neighbours.votes_{days:g}d", ReasonCode.SHOPPERS_LIKE_YOU) for days in WINDOWS_DAYS),
        Feature("neighbours.votes", ReasonCode.SHOPPERS_LIKE_YOU),
    )

    def __init__(self, config: NeighbourVotesConfig, bundle: Bundle) -> None:
        self.shoppers = like_shoppers(bundle)

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        """Shares from 0 to 1; NaN where nobody is near."""
        votes = self.shoppers.votes(query)
        if votes is None:
            return np.full((len(candidates), len(self.provides)), np.nan, np.float32)
        return self.shoppers.shares(votes, candidates.items)
