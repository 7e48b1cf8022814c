"""The events of a request, as columns on the shop's clock."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.bundle.ids import UNKNOWN
from endcap.bundle.manifest import Manifest
from endcap.server.errors import InvalidRequest
from endcap.server.limits import Violation
from endcap.server.serving import Serving
from endcap.v1 import common_pb2 as pb

_LARGEST = 1e15


def read_events(events: Sequence[pb.Event], items: Array, history: Events, now: int, serving: Serving) -> Events:
    """What the request says the shopper did, oldest first; ``items`` are the events' item numbers, int32[e].

    Events of unknown items are left out. Times later than ``now`` count as now, as do those that are not given; times
    before the end of the history count as its end, so that history and session make one log. Raises InvalidRequest
    for a type that the bundle does not know.
    """
    if not events:
        return Events.none()
    manifest = serving.bundle.manifest
    types = [_type(event.event_type, i, manifest) for i, event in enumerate(events)]
    times = np.array(
        [serving.clock.seconds(event.time.seconds) if event.HasField("time") else now for event in events], np.int64
    )
    earliest = int(history.times[-1]) if len(history) else -(2**62)
    times = np.clip(times, min(earliest, now), now)
    session = Events(
        items=items,
        times=times,
        weights=np.array([manifest.event_weights.get(name, 1.0) for name in types], np.float32),
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


def _type(name: str, place: int, manifest: Manifest) -> str:
    known = manifest.event_weights
    if not name:
        return min(known, key=lambda each: known[each], default="")
    if name not in known:
        found = f"is {name!r}; this bundle knows {', '.join(sorted(known)) or 'no types'}, or leave it empty"
        raise InvalidRequest.of("UNKNOWN_EVENT_TYPE", Violation(f"recent_events[{place}].event_type", found))
    return name
