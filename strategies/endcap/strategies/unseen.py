"""The same request, with what the shopper already went for kept out of recall."""

from __future__ import annotations

import copy

import numpy as np

from endcap.strategies.contract import Query


def without_seen(query: Query, item_count: int) -> Query:
    """``query`` whose ``allowed`` leaves out the items of the shopper's goal events. What was computed is shared."""
    return query.once("unseen", lambda: _without_seen(query, item_count))


def _without_seen(query: Query, item_count: int) -> Query:
    seen = query.events.items[query.events.goals]
    if not len(seen):
        return query
    allowed = np.ones(item_count, np.bool_) if query.allowed is None else query.allowed.copy()
    allowed[seen] = False
    masked = copy.copy(query)  # shallow: the memo stays one
    masked.__dict__["allowed"] = allowed
    return masked
