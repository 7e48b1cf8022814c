"""What this shopper did with this very item: how often, how lately, in what rhythm."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Proof, Query, ReasonCode, Settings
from endcap.strategies.hydrate.groups import GROUP_FEATURES, item_table

_BOUGHT = Proof("shopper_item.count")
_DUE = Proof("shopper_item.due", above=0.75)
_RHYTHM = ("gap_days", "due")


class ShopperItemConfig(Settings):
    """No parameters."""


class ShopperItem:
    Config = ShopperItemConfig
    provides = (
        *(
            Feature(f"shopper_item.{name}", ReasonCode.DUE_AGAIN, _DUE)
            if name in _RHYTHM
            else Feature(f"shopper_item.{name}", ReasonCode.BOUGHT_BEFORE, _BOUGHT)
            for name in GROUP_FEATURES
        ),
        Feature("shopper_item.session_weight", ReasonCode.BOUGHT_BEFORE, _BOUGHT),
    )

    def __init__(self, config: ShopperItemConfig, bundle: Bundle) -> None:
        pass

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        found = np.empty((len(candidates), len(self.provides)), np.float32)
        item_table(query).look_up(candidates.items, found=found)
        found[:, -1] = _weight_in_session(query, candidates.items) if len(query.session) else 0.0
        return found


def _weight_in_session(query: Query, items: Array) -> Array:
    """float32[n]: the summed weight of this request's own events on each item. No product of matrices: for so small
    ones BLAS once reported an invalid value of finite numbers, which is a warning in the log of whoever is on call."""
    matches = query.session.items[None, :] == items[:, None]
    weights: Array = np.where(matches, query.session.weights, np.float32(0)).sum(axis=1)
    return weights
