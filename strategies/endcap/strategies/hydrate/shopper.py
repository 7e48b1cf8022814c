"""What kind of shopper this is: how often they shop, how much, how much of it again. The same for every candidate."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import distinct
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import NOTHING, REALS, SINGLES, TO_SINGLES, kernel
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
        return np.repeat(_facts(query, timeline(query))[None, :], len(candidates), axis=0)


def _facts(query: Query, line: Timeline) -> Array:
    """float32[len(Shopper.provides)], in that order."""
    trips = line.trip_count
    if not trips:
        return _NOBODY
    ages, events = line.walked.trip_ages_days, len(query.events)
    different = len(distinct(query)[0])
    since, tenure = float(ages[-1]), float(ages[0])
    gap = (tenure - since) / (trips - 1) if trips > 1 else np.nan
    told = (trips, 0, since, gap, tenure, events / trips, different, 1.0 - different / events, 0, len(query.session))
    row = np.array(told, np.float32)
    _count(ages, query.events.values, row)
    return row


_NOBODY = np.array([0, 0, *[np.nan] * 3, 0, 0, *[np.nan] * 2, 0], np.float32)


@kernel(NOTHING(REALS, SINGLES, TO_SINGLES))
def _count(ages: Array, values: Array, row: Array) -> None:
    """Fills in how many trips are at most 28 days old, and the mean of the values known; NaN without any."""
    recent, known, total = 0, 0, 0.0
    for age in ages:
        recent += age <= 28
    for value in values:
        if not np.isnan(value):
            total += value
            known += 1
    row[1], row[8] = recent, total / known if known else np.nan
