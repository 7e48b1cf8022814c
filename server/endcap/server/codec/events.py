"""The events of a request, as columns on the shop's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.bundle.ids import UNKNOWN
from endcap.server.errors import InvalidRequest
from endcap.server.limits import Violation
from endcap.server.serving import Serving
from endcap.v1 import common_pb2 as pb

EVERYWHERE: Final = {"view": 0.1, "add_to_cart": 0.3, "purchase": 1.0}
"""Types that every server knows, and their weights where the bundle has none: a shop that trained on purchases alone
may still tell what a guest looks at. Training's own defaults."""
_LARGEST: Final = 1e15


def read_events(events: Sequence[pb.Event], items: Array, history: Events, now: int, serving: Serving) -> Events:
    """What the request says the shopper did, oldest first; ``items`` are the events' item numbers, int32[e].

    Events of unknown items are left out. Times later than ``now`` count as now, as do those that are not given; times
    before the end of the history count as its end, so that history and session make one log. Raises InvalidRequest
    for a type that neither the bundle nor every server knows.
    """
    if not events:
        return Events.none()
    manifest = serving.bundle.manifest
    known = {**EVERYWHERE, **manifest.event_weights}
    types = [_type(event.event_type, i, known) for i, event in enumerate(events)]
    times = np.array(
        [serving.clock.seconds(event.time.seconds) if event.HasField("time") else now for event in events], np.int64
    )
    earliest = int(history.times[-1]) if len(history) else -(2**62)
    times = np.clip(times, min(earliest, now), now)
    session = Events(
        items=items,
        times=times,
        weights=np.array([known[name] for name in types], np.float32),
        goals=np.array([name in manifest.goal_types for name in types], np.bool_),
        quantities=_float32([event.quantity or 1.0 for event in events]),
        values=_float32([event.value or np.nan for event in events]),
        baskets=np.full(len(events), UNKNOWN, np.int64),
    )
    order = np.argsort(times, kind="stable")
    return session.rows(order[items[order] != UNKNOWN])


def _float32(numbers: list[float]) -> Array:
    """Clipped to what sums and squares of float32 bear."""
    clipped: Array = np.clip(np.array(numbers), -_LARGEST, _LARGEST).astype(np.float32)
    return clipped


def _type(name: str, place: int, known: Mapping[str, float]) -> str:
    if not name:
        return min(known, key=lambda each: known[each])
    if name not in known:
        found = f"is {name!r}; expected one of {', '.join(sorted(known))}, or nothing"
        raise InvalidRequest.of("UNKNOWN_EVENT_TYPE", Violation(f"recent_events[{place}].event_type", found))
    return name
