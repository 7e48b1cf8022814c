from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.training.data.tables import Place
from endcap.training.data.times import SECONDS_PER_YEAR, Times, clock_of, read_times, seconds
from endcap.training.errors import DataError

PLACE = Place(Path("events.csv"), "when")
NEW_YEAR = 1_767_225_600  # 2026-01-01


def times(values: list[Any], kind: Any = "auto") -> Times:
    return read_times(pl.Series(values, strict=False), PLACE, kind)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-01-01", NEW_YEAR),
        ("2026-01-01 00:00", NEW_YEAR),
        ("2026-01-01T00:00:01", NEW_YEAR + 1),
        ("2026-01-01T00:00:01.999", NEW_YEAR + 1),
        ("2026-01-01T00:00:01Z", NEW_YEAR + 1),
        ("2026-01-01T02:00:00+02:00", NEW_YEAR),
        ("2025-12-31 19:00:00-0500", NEW_YEAR),
        ("1767225600", NEW_YEAR),
        (dt.date(2026, 1, 1), NEW_YEAR),
        (dt.datetime(2026, 1, 1), NEW_YEAR),
        (dt.datetime(2026, 1, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))), NEW_YEAR),
        (20260101, NEW_YEAR),
        (NEW_YEAR, NEW_YEAR),
        (NEW_YEAR + 0.75, NEW_YEAR),
        (NEW_YEAR * 1000 + 999, NEW_YEAR),
        (NEW_YEAR * 1_000_000, NEW_YEAR),
        (NEW_YEAR * 1_000_000_000, NEW_YEAR),
    ],
)
def test_every_way_to_write_a_moment_gives_its_seconds(value: Any, found: int) -> None:
    read = times([value, None])
    assert read.kind == "timestamp"
    assert read.values.to_list() == [found, None]


@pytest.mark.parametrize("values", [[1, 2, 99_999_999], ["7", "8"], [1.0, None], [-3, 4], [20260101, 20260199]])
def test_small_whole_numbers_are_an_order(values: list[Any]) -> None:
    assert times(values).kind == "order"


def test_the_config_settles_what_numbers_leave_open() -> None:
    assert times([NEW_YEAR], "order").kind == "order"
    assert times([5], "timestamp").values.to_list() == [5]


@pytest.mark.parametrize(
    ("values", "days"), [(["2026-01-01"], True), (["2026-01-01T00:00"], False), ([20260101], True)]
)
def test_days_are_told_from_moments(values: list[Any], days: bool) -> None:
    assert times(values).days is days


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (["2026-01-01", "soon"], "auto", "row 2: found 'soon', expected an ISO 8601 time such as 2026-07-01"),
        (["2026-13-01"], "auto", "row 1: found '2026-13-01', expected an ISO 8601 time"),
        (["1", "2", "x"], "auto", "row 3: found 'x', expected a whole number, as in the first row"),
        ([1.5], "auto", "row 1: found 1.5, expected a whole number"),
        ([1.0, float("inf")], "auto", "row 2: found inf, expected a whole number"),
        (["2026-01-01"], "order", "row 1: found '2026-01-01', expected whole numbers, as shop.toml says"),
    ],
)
def test_the_first_bad_time_is_named_with_its_row(values: list[Any], kind: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        times(values, kind)
    assert str(caught.value).startswith(f"events.csv: column 'when', {message}")


def test_a_column_that_holds_no_times_is_named() -> None:
    with pytest.raises(DataError, match=r"events.csv: column 'when' is Boolean, expected times: an ISO 8601 time"):
        times([True])


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1))
def test_an_order_spans_a_year_and_keeps_its_order(values: list[int]) -> None:
    order = np.array(sorted(values))
    moments = seconds(order, clock_of("order", order[0], order[-1]))
    assert moments[0] == 0
    assert moments[-1] == (SECONDS_PER_YEAR if order[-1] > order[0] else 0)
    assert (np.diff(moments) >= 0).all()


@given(st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2100, 1, 1)))
def test_a_timestamp_read_from_text_is_the_one_that_was_written(moment: dt.datetime) -> None:
    expected = int(moment.replace(microsecond=0, tzinfo=dt.UTC).timestamp())
    assert times([moment.isoformat()]).values.to_list() == [expected]
