"""The shop as plain Python: lists of items and events, read from a bundle's arrays once, at the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from endcap.bundle.columns import BoolColumn
from endcap.bundle.folder import Bundle


class Event(NamedTuple):
    item: int
    time: int
    weight: float
    goal: bool
    quantity: float
    value: float
    basket: int


@dataclass(slots=True)
class Item:
    text: int
    title: int
    line: int
    category: int
    brand: int
    available: bool
    price: float
    price_rank: float
    stats: dict[str, float]
    shares: dict[str, float]
    """Of the sales of its title, line, category and brand."""


class PlainShop:
    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.now = bundle.manifest.data_end
        self.horizon_days = bundle.manifest.horizon_days
        self.items = _items(bundle)
        self._histories: dict[int, list[Event]] = {}

    def history(self, user: int) -> list[Event]:
        """What the shopper did, oldest first. Kept once read, as from a feature store in memory."""
        if user not in self._histories:
            self._histories[user] = _events(self.bundle, user)
        return self._histories[user]


def _items(bundle: Bundle) -> list[Item]:
    catalog, part, kinds = bundle.catalog, bundle.part("items"), bundle.part("kinds")
    available = catalog.columns["available"]
    assert isinstance(available, BoolColumn)
    names = [f"item.{name}" for name in part.json("stats")]
    groups = [catalog.groups[name].tolist() for name in ("title", "line", "category", "brand")]
    shares = {name: kinds.array(f"{name}.share").tolist() for name in ("title", "line", "category", "brand")}
    columns = zip(
        catalog.texts.tolist(),
        *groups,
        (available.values != 0).tolist(),
        part.array("price").tolist(),
        part.array("price_rank").tolist(),
        part.array("stats").tolist(),
        strict=True,
    )
    return [
        Item(*facts, dict(zip(names, stats, strict=True)), {name: share[number] for name, share in shares.items()})
        for number, (*facts, stats) in enumerate(columns)
    ]


def _events(bundle: Bundle, user: int) -> list[Event]:
    log = bundle.histories.of(user)
    columns = (log.items, log.times, log.weights, log.goals, log.quantities, log.values, log.baskets)
    return [Event(*row) for row in zip(*(np.asarray(column).tolist() for column in columns), strict=True)]
