"""The same request, with what the shopper already went for kept out of recall."""

from __future__ import annotations

import copy

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.contract import Query


def without_seen(query: Query, item_count: int) -> Query:
    """``query`` whose ``allowed`` leaves out the items of the shopper's goal events. What was computed is shared."""
    seen = query.events.items[query.events.goals]
    if not len(seen):
        return query
    return query.once("unseen", lambda: _masked(query, seen, item_count))


def _masked(query: Query, seen: Array, item_count: int) -> Query:
    allowed = np.ones(item_count, np.bool_) if query.allowed is None else query.allowed.copy()
    allowed[seen] = False
    masked = copy.copy(query)  # shallow: the memo stays one
    masked.__dict__["allowed"] = allowed
    return masked
