"""The same request, with what the shopper already went for kept out of recall."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.compiled import FLAGS, INT, INT32S, TO_FLAGS, kernel
from endcap.strategies.contract import Query


def without_seen(query: Query, item_count: int) -> Query:
    """``query`` whose ``allowed`` leaves out the items of the shopper's goal events. What was computed is shared."""
    return query.once("unseen", lambda: _without_seen(query, item_count))


def _without_seen(query: Query, item_count: int) -> Query:
    before, events = query.allowed, query.events
    allowed = _masked(events.items, events.goals, _ALL if before is None else before, item_count)
    if not len(allowed):
        return query
    masked = object.__new__(Query)
    masked.__dict__.update(query.__dict__, allowed=allowed)  # shallow: the memo stays one
    return masked


_ALL = np.empty(0, np.bool_)


@kernel(TO_FLAGS(INT32S, FLAGS, FLAGS, INT))
def _masked(items: Array, goals: Array, before: Array, item_count: int) -> Array:
    """What was allowed ``before``, or all, without the items of goals; empty where there is none of these."""
    if not goals.any():
        return np.empty(0, np.bool_)
    allowed = before.copy() if len(before) else np.ones(item_count, np.bool_)
    for event in range(len(items)):
        if goals[event]:
            allowed[items[event]] = False
    return allowed
