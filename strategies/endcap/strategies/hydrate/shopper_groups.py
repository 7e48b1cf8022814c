"""What this shopper did with this item's kind: its title, category, and brand within the category."""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Proof, Query, ReasonCode, Settings
from endcap.strategies.hydrate.groups import GROUP_FEATURES, group_table, item_table, timeline

GROUP_REASONS = {
    "title": ReasonCode.BOUGHT_BEFORE,
    "category": ReasonCode.FAVOURITE_CATEGORY,
    "line": ReasonCode.FAVOURITE_BRAND,
}
WITHIN_GROUP = (
    "item_share",  # how much of the kind is this very item
    "days_behind",  # from this item's last event to the kind's: 0 where it is what they took last
)
FAVOURED = 0.1
"""The share of trips with a kind from which on it is a favourite."""


class ShopperGroupsConfig(Settings):
    groups: tuple[str, ...] = tuple(GROUP_REASONS)
    """Which of the catalog's groups to count along."""


class ShopperGroups:
    Config = ShopperGroupsConfig

    def __init__(self, config: ShopperGroupsConfig, bundle: Bundle) -> None:
        self.bundle = bundle
        self.groups = {name: bundle.catalog.groups[name] for name in config.groups if name in bundle.catalog.groups}
        self.provides = tuple(feature for name in self.groups for feature in _features(name))

    def narrowed(self, wanted: Set[str]) -> ShopperGroups:
        read = (name for name in self.groups if any(feature.name in wanted for feature in _features(name)))
        return ShopperGroups(ShopperGroupsConfig(groups=tuple(read)), self.bundle)

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        line, found = timeline(query), np.empty((len(candidates), len(self.provides)), np.float32)
        own, width = item_table(query), len(GROUP_FEATURES) + len(WITHIN_GROUP)
        for place, group_of in enumerate(self.groups.values()):
            group_table(line, group_of).look_up(candidates.items, group_of, found, place * width)
            own.compare(candidates.items, found, place * width)
        return found


def _features(group: str) -> list[Feature]:
    reason, proof = GROUP_REASONS.get(group, ReasonCode.OTHER), _proof(group)
    return [Feature(f"shopper_{group}.{what}", reason, proof) for what in (*GROUP_FEATURES, *WITHIN_GROUP)]


def _proof(name: str) -> Proof:
    if GROUP_REASONS.get(name) == ReasonCode.BOUGHT_BEFORE:
        return Proof(f"shopper_{name}.count")
    return Proof(f"shopper_{name}.share_of_trips", above=FAVOURED)
