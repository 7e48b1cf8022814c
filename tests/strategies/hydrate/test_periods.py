"""What is known ahead, against a count of whole days."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query
from endcap.strategies.hydrate.periods import Periods, PeriodsConfig

DAY, ITEMS, HORIZON, TODAY = 86_400, 4, 5, 20
Span = tuple[int, int, int, float, float]
"""Item, first day, days, and two attributes."""
SPANS = st.lists(
    st.tuples(
        st.integers(0, ITEMS - 1),
        st.integers(TODAY - 12, TODAY + 8),
        st.integers(1, 9),
        st.sampled_from([0.0, 1.0]),
        st.sampled_from([-2.5, 0.5]),
    ),
    max_size=12,
)


class Known:
    """A bundle of which only the periods matter."""

    def __init__(
        self, spans: list[Span], names: tuple[str, ...] = ("display", "discount"), tells_longest: bool = True
    ) -> None:
        spans = sorted(spans)
        owners = np.array([span[0] for span in spans], np.int64)
        starts, days = (np.array([span[k] for span in spans], np.int64) for k in (1, 2))
        self.arrays = {
            "offsets": np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=ITEMS))]),
            "starts": starts * DAY,
            "ends": (starts + days) * DAY,
            "values": np.array([span[3 : 3 + len(names)] for span in spans], np.float32).reshape(
                len(spans), len(names)
            ),
        }
        self.manifest, self.horizon_days = self, float(HORIZON)
        self.told: dict[str, Any] = {"names": list(names)}
        if tells_longest:
            self.told["longest"] = int(days.max(initial=0)) * DAY

    def part(self, name: str) -> Known:
        return self

    def array(self, name: str) -> Array:
        return self.arrays[name]

    def json(self, name: str) -> Any:
        return self.told[name]

    def files(self) -> list[str]:
        return [f"{name}.json" for name in self.told]


def naive(spans: list[Span], item: int, days: range, which: int) -> float:
    """The mean over these days of what the item's periods in force sum to."""
    in_force = [
        [span[which] for span in spans if span[0] == item and span[1] <= day < span[1] + span[2]] for day in days
    ]
    return sum(map(sum, in_force)) / len(days)


@given(SPANS, st.lists(st.integers(0, ITEMS - 1), max_size=6), st.booleans())
def test_each_attribute_now_ahead_and_before_is_its_mean_day_by_day(
    spans: list[Span], items: list[int], tells_longest: bool
) -> None:
    bundle: Any = Known(spans, tells_longest=tells_longest)
    hydrator = Periods(PeriodsConfig(), bundle)
    values = hydrator.hydrate(Query(now=TODAY * DAY), Candidates(np.array(items, np.int32)))
    assert values.shape == (len(items), 6)
    windows = {
        "now": range(TODAY, TODAY + 1),
        "ahead": range(TODAY, TODAY + HORIZON),
        "before": range(TODAY - HORIZON, TODAY),
    }
    for row, item in zip(values, items, strict=True):
        for feature, value in zip(hydrator.provides, row, strict=True):
            _, name, when = feature.name.split(".")
            which = 3 + ("display", "discount").index(name)
            assert value == pytest.approx(naive(spans, item, windows[when], which), abs=1e-5)


def test_a_period_is_in_force_from_its_start_to_just_before_its_end() -> None:
    bundle: Any = Known([(1, 10, 2, 1.0, 0.5)], ("display",))
    hydrator = Periods(PeriodsConfig(), bundle)
    times = {10 * DAY - 1: 0, 10 * DAY: 1, 12 * DAY - 1: 1, 12 * DAY: 0}
    for now, expected in times.items():
        assert hydrator.hydrate(Query(now=now), Candidates(np.array([1], np.int32)))[0, 0] == expected


def test_periods_that_say_nothing_make_no_columns() -> None:
    bundle: Any = Known([(1, 10, 2, 1.0, 0.5)], ())
    hydrator = Periods(PeriodsConfig(), bundle)
    assert hydrator.hydrate(Query(now=DAY), Candidates(np.array([1, 2], np.int32))).shape == (2, 0)
