"""Times as the shop writes them, and as int64 seconds on its clock.

A column of dates or timestamps is what it says; without a zone it counts as UTC. Text is ISO 8601 (``2026-07-01``,
``2026-07-01T12:30:00+02:00``, a space for the T) or whole numbers. What whole numbers mean is told by the largest:

    below 100,000,000            an order: 1, 2, 3 … only say what came first
    8 digits that are all dates  days: 20260701
    below 100,000,000,000        seconds since 1970
    then, by factors of 1000     milliseconds, microseconds, nanoseconds since 1970

``time = "order"`` or ``time = "timestamp"`` in shop.toml settles what the numbers leave open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from endcap.bundle.events import Array
from endcap.bundle.manifest import Clock
from endcap.training.config import TimeKind
from endcap.training.data.tables import Place
from endcap.training.errors import DataError

SECONDS_PER_DAY = 86_400
SECONDS_PER_YEAR = 365 * SECONDS_PER_DAY
HIGHEST_ORDER = 100_000_000
HIGHEST_SECONDS = 100_000_000_000
_TIMESTAMP = "an ISO 8601 time such as 2026-07-01 or 2026-07-01T12:30:00Z"
_ISO = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
_ISO_WITH_ZONE = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")


@dataclass(frozen=True)
class Times:
    """What one column says, on no clock yet."""

    kind: Literal["timestamp", "order"]
    values: pl.Series
    """Int64: seconds since 1970 (UTC), or the order; null where missing."""
    days: bool = False
    """Whether the column names days, without a time of day."""


def read_times(values: pl.Series, place: Place, kind: TimeKind = "auto") -> Times:
    """Raises DataError for the first value that is not a time of the expected kind."""
    values = _numbers_in_text(values, place)
    if values.dtype.is_integer():
        return _whole_numbers(values.cast(pl.Int64), place, kind)
    if kind == "order":
        place.refuse(values, values.is_not_null(), 'whole numbers, as shop.toml says time = "order"')
    if values.dtype in (pl.Date, pl.Datetime):
        return Times("timestamp", values.dt.epoch("s"), days=values.dtype == pl.Date)
    if values.dtype == pl.String:
        return _iso(values, place)
    raise DataError(f"{place.path}: column {place.column!r} is {values.dtype}, expected times: {_TIMESTAMP}")


def clock_of(kind: str, earliest: int, latest: int) -> Clock:
    """An order is stretched so that its values span one year."""
    if kind == "timestamp":
        return Clock()
    span = max(latest - earliest, 1)
    return Clock(kind="order", origin=earliest, seconds_per_unit=SECONDS_PER_YEAR / span)


def seconds(values: Array, clock: Clock) -> Array:
    """int64 seconds on the clock, rounded to the nearest."""
    if clock.kind == "timestamp":
        return values
    return np.rint((values - clock.origin) * clock.seconds_per_unit).astype(np.int64)


def _numbers_in_text(values: pl.Series, place: Place) -> pl.Series:
    """Int64 where the column holds whole numbers, as such, as text or as floats; ``values`` otherwise."""
    if values.dtype == pl.Null:
        return values.cast(pl.Int64)
    if values.dtype.is_float():
        return _whole_floats(values.fill_nan(None), place)
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return values
    values = values.cast(pl.String).str.strip_chars().replace("", None)
    if not values.drop_nulls().head(1).str.contains(r"^[+-]?\d+$").any():
        return values
    parsed = values.cast(pl.Int64, strict=False)
    bad = parsed.is_null() & values.is_not_null()
    if bad.any():
        place.refuse(values, bad, "a whole number, as in the first row")
    return parsed


def _whole_floats(values: pl.Series, place: Place) -> pl.Series:
    """Floats come of gaps in a column of whole numbers, or are seconds and parts of a second since 1970."""
    bad = ~values.is_finite() | ((values % 1 != 0) & (values.abs() < HIGHEST_ORDER))
    if bad.any():
        place.refuse(values, bad, "a whole number")
    return values.floor().cast(pl.Int64)


def _whole_numbers(values: pl.Series, place: Place, kind: TimeKind) -> Times:
    largest = values.abs().max()
    highest = largest if isinstance(largest, int) else 0
    if kind == "order":
        return Times("order", values)
    if (days := _calendar_days(values)) is not None:
        return Times("timestamp", days, days=True)
    if kind == "auto" and highest < HIGHEST_ORDER:
        return Times("order", values)
    while highest >= HIGHEST_SECONDS:
        highest, values = highest // 1000, values // 1000
    return Times("timestamp", values)


def _calendar_days(values: pl.Series) -> pl.Series | None:
    if not values.is_between(1900_01_01, 2999_12_31).all() or not values.count():
        return None
    days = values.cast(pl.String).str.to_date("%Y%m%d", strict=False)
    return None if days.null_count() > values.null_count() else days.dt.epoch("s")


def _iso(values: pl.Series, place: Place) -> Times:
    text = values.str.replace(r"^(\d{4}-\d\d-\d\d) +", "${1}T").str.replace(r"Z$", "+00:00")
    naive = [text.str.to_datetime(form, strict=False, time_unit="us") for form in _ISO]
    zoned = [text.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC") for form in _ISO_WITH_ZONE]
    epochs = [times.dt.epoch("s") for times in (*naive, *zoned)]
    parsed = pl.select(pl.coalesce(*epochs)).to_series()
    bad = parsed.is_null() & values.is_not_null()
    if bad.any():
        place.refuse(values, bad, _TIMESTAMP)
    return Times("timestamp", parsed, days=bool(text.drop_nulls().str.len_chars().max() == len("2026-07-01")))
