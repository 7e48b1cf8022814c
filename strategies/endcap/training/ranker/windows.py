"""Cutting time into windows: features from before a cut-off, labels from the horizon after it, never both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.contract import SECONDS_PER_DAY
from endcap.training.errors import DataError
from endcap.training.shop import Shop


class Window(NamedTuple):
    cutoff: int
    """Seconds: features know only events before it."""
    end: int
    """Seconds, exclusive: labels are the goal events from the cut-off to here."""


def cut(shop: Shop, horizon_days: float, count: int) -> list[Window]:
    """``count`` windows back to back, the newest first. Raises DataError where the data are too short for them."""
    step = round(horizon_days * SECONDS_PER_DAY)
    windows = [Window(shop.data_end - step * (k + 1), shop.data_end - step * k) for k in range(count)]
    if windows[-1].cutoff - shop.data_start < step / 2:
        days = (shop.data_end - shop.data_start) / SECONDS_PER_DAY
        raise DataError(
            f"the events span {days:.1f} days, too few for {count} windows of {horizon_days:g} days and a history "
            f"before them; lower training.horizon_days to {max(days / (count + 2), 0.01):.2g} or training.windows"
        )
    return windows


class Labels(NamedTuple):
    """What shoppers went for in a window."""

    users: Array
    """int32[u], ascending: shoppers with at least one goal event."""
    offsets: Array
    """int64[u + 1]."""
    items: Array
    """int32[k]: each shopper's distinct items, ascending."""

    def of(self, place: int) -> Array:
        items: Array = self.items[self.offsets[place] : self.offsets[place + 1]]
        return items


def labels_in(shop: Shop, window: Window) -> Labels:
    users, log = shop.between(window.cutoff, window.end)
    size = len(shop.item_ids)
    pairs = np.unique(users[log.goals].astype(np.int64) * size + log.items[log.goals])
    owners, offsets = np.unique(pairs // size, return_index=True)
    return Labels(owners.astype(np.int32), np.append(offsets, len(pairs)), (pairs % size).astype(np.int32))
