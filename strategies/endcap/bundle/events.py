"""What shoppers did, as columns, and the memory-mapped log of every shopper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Events:
    """What one shopper did, oldest first. All arrays have one row an event."""

    items: Array  # int32[m]
    times: Array  # int64[m], seconds
    weights: Array  # float32[m], the weight of the event's type
    goals: Array  # bool[m], whether the type is the one that ranking aims at (purchases, as a rule)
    quantities: Array  # float32[m], 1 where unknown
    values: Array  # float32[m], money for the whole row; NaN where unknown
    baskets: Array  # int64[m], -1 where unknown

    def __len__(self) -> int:
        return len(self.items)

    @staticmethod
    def none() -> Events:
        return _NO_EVENTS

    def before(self, time: int) -> Events:
        """The events strictly earlier than ``time``."""
        return self.rows(slice(0, int(np.searchsorted(self.times, time, side="left"))))

    def rows(self, rows: slice | Array) -> Events:
        return Events(
            self.items[rows],
            self.times[rows],
            self.weights[rows],
            self.goals[rows],
            self.quantities[rows],
            self.values[rows],
            self.baskets[rows],
        )

    def then(self, later: Events) -> Events:
        """These events followed by ``later`` ones; the caller vouches for the order."""
        if not len(later):
            return self
        return Events(*(np.concatenate([getattr(self, name), getattr(later, name)]) for name in EVENT_COLUMNS))


EVENT_COLUMNS = {
    "items": np.int32,
    "times": np.int64,
    "weights": np.float32,
    "goals": np.bool_,
    "quantities": np.float32,
    "values": np.float32,
    "baskets": np.int64,
}
_NO_EVENTS = Events(*(np.empty(0, dtype) for dtype in EVENT_COLUMNS.values()))


@dataclass(frozen=True)
class Histories:
    """Every shopper's events, grouped by shopper: row ``offsets[u]`` to ``offsets[u + 1]`` are shopper ``u``'s."""

    offsets: Array  # int64[users + 1]
    log: Events

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, user: int) -> Events:
        """Views, not copies. An unknown shopper (-1) has no events."""
        if user < 0:
            return Events.none()
        return self.log.rows(slice(int(self.offsets[user]), int(self.offsets[user + 1])))

    @staticmethod
    def of_log(users: Array, log: Events, user_count: int) -> Histories:
        """From a log whose rows are sorted by (user, time); ``users`` is int32[m]."""
        offsets = np.zeros(user_count + 1, np.int64)
        np.cumsum(np.bincount(users, minlength=user_count), out=offsets[1:])
        return Histories(offsets, log)
