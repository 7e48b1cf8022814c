"""What kind of shopper this is: how often they shop, how much, how much of it again. The same for every candidate."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import distinct
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Query, Settings
from endcap.strategies.hydrate.groups import Timeline, timeline


class ShopperConfig(Settings):
    """No parameters."""


class Shopper:
    Config = ShopperConfig
    provides = tuple(
        Feature(f"shopper.{name}")
        for name in (
            "trips",
            "trips_28d",
            "days_since_last_trip",
            "trip_gap_days",
            "tenure_days",
            "items_a_trip",
            "distinct_items",
            "repeat_share",
            "value_an_item",
            "session_events",
        )
    )

    def __init__(self, config: ShopperConfig, bundle: Bundle) -> None:
        pass

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        row = np.array(_facts(query, timeline(query)), np.float32)
        return np.repeat(row[None, :], len(candidates), axis=0)


def _facts(query: Query, line: Timeline) -> list[float]:
    """One number a feature of ``Shopper.provides``, in that order."""
    if not line.trip_count:
        return [0.0, 0.0, *[np.nan] * 3, 0.0, 0.0, *[np.nan] * 2, 0.0]
    ages, events = line.trip_ages_days, len(query.events)
    different = len(distinct(query)[0])
    spread = float(ages[0] - ages[-1])
    values = query.events.values[~np.isnan(query.events.values)]
    return [
        line.trip_count,
        int(np.count_nonzero(ages <= 28)),
        float(ages[-1]),
        spread / (line.trip_count - 1) if line.trip_count > 1 else np.nan,
        float(ages[0]),
        events / line.trip_count,
        different,
        1.0 - different / events,
        float(values.mean()) if len(values) else np.nan,
        len(query.session),
    ]
