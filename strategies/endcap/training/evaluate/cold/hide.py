"""Which items and shoppers are hidden, and the shop as it would be had none of them ever been met.

A hidden item stays in the catalog with its text and attributes; a hidden shopper stays in the users table. All else of
theirs goes: events, searches and promotions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from endcap.bundle.events import Array
from endcap.training.shop import ItemPeriods, Shop


@dataclass(frozen=True)
class Hidden:
    items: Array
    """bool[items]."""
    shoppers: Array
    """bool[shoppers]."""


def draw(shop: Shop, items: float, shoppers: float, seed: int) -> Hidden:
    """These shares (0 to 1) of all items and of all shoppers, by lot; at least one of each where its share is above 0.

    Every item is as likely as any other, whatever it sells: a shop does not know which of its new items will.
    """
    random = np.random.default_rng([seed, 4])
    return Hidden(_drawn(random, len(shop.item_ids), items), _drawn(random, len(shop.user_ids), shoppers))


def without(shop: Shop, hidden: Hidden) -> Shop:
    """``shop`` as if nobody had ever met the hidden items, and the hidden shoppers had never come."""
    rows = np.flatnonzero(~hidden.items[shop.log.items] & ~hidden.shoppers[shop.users])
    searches = shop.searches and shop.searches.rows(rows)
    periods = _periods(shop.periods, ~hidden.items)
    return replace(shop, users=shop.users[rows], log=shop.log.rows(rows), searches=searches, periods=periods)


def _drawn(random: np.random.Generator, count: int, share: float) -> Array:
    mask = np.zeros(count, np.bool_)
    mask[random.permutation(count)[: max(round(share * count), int(share > 0))]] = True
    return mask


def _periods(periods: ItemPeriods, kept: Array) -> ItemPeriods:
    rows = np.flatnonzero(kept[periods.items])
    return replace(
        periods,
        items=periods.items[rows],
        starts=periods.starts[rows],
        ends=periods.ends[rows],
        values=periods.values[rows],
    )
