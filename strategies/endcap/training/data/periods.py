"""The item_periods table: what is known ahead about items for a span of time."""

from __future__ import annotations

import numpy as np
import polars as pl

from endcap.bundle.events import Array
from endcap.bundle.manifest import Clock
from endcap.training.cleaning_report import CleaningReport
from endcap.training.config import PeriodsConfig
from endcap.training.data.attributes import attribute_name, narrowed
from endcap.training.data.sieve import ROW, Rule, sieve
from endcap.training.data.tables import Table, ids
from endcap.training.data.times import SECONDS_PER_DAY, Times, read_times, seconds
from endcap.training.errors import DataError
from endcap.training.shop import ItemPeriods

TABLE = "item_periods"
MOST_VALUES = 20
"""A text attribute becomes a column for each of so many of its most frequent values."""


def read_periods(config: PeriodsConfig, item_ids: list[str], clock: Clock, report: CleaningReport) -> ItemPeriods:
    """A period ends before the moment in ``end``, or with the whole of it where the column names days.

    Raises DataError for a column or value that cannot be used.
    """
    table = Table.open(config.path)
    roles = table.columns(config.columns.model_dump(), ["item_id", "start", "end"])
    others = table.others(roles.values(), config.ignore)
    frame = table.read({name: name for name in (*roles.values(), *others)})
    report.read[TABLE] = len(frame)
    timed = frame.with_columns(
        ids(frame[roles["item_id"]], table.place(roles["item_id"])).alias("#id"),
        _times(table, frame, roles["start"], clock).values.alias("#start"),
        _ends(_times(table, frame, roles["end"], clock)).alias("#end"),
    )
    timed = _usable(timed.with_row_index(ROW, offset=1), item_ids, report).sort("#item", "#start", "#end", ROW)
    report.kept[TABLE] = len(timed)
    values = _values(table, timed.select(others))
    starts, ends = (seconds(timed[name].to_numpy(), clock) for name in ("#start", "#end"))
    items = timed["#item"].to_numpy().astype(np.int32)
    matrix = np.stack(list(values.values()), axis=1) if values else np.empty((len(timed), 0), np.float32)
    return ItemPeriods(items, starts, ends, list(values), matrix)


def _times(table: Table, frame: pl.DataFrame, column: str, clock: Clock) -> Times:
    return read_times(frame[column], table.place(column), clock.kind)


def _ends(times: Times) -> pl.Series:
    return times.values + SECONDS_PER_DAY if times.days else times.values


def _usable(frame: pl.DataFrame, item_ids: list[str], report: CleaningReport) -> pl.DataFrame:
    places = pl.DataFrame({"#id": item_ids, "#item": pl.Series(range(len(item_ids)), dtype=pl.Int32)})
    frame = frame.join(places, on="#id", how="left", maintain_order="left")
    rules = [
        Rule("no item_id", pl.col("#id").is_null()),
        Rule("no start or no end", pl.col("#start").is_null() | pl.col("#end").is_null()),
        Rule("an end that is not after its start", pl.col("#end") <= pl.col("#start")),
        Rule("an item that is not in the items table", pl.col("#item").is_null(), "#id"),
    ]
    return sieve(frame, TABLE, rules, report)


def _values(table: Table, frame: pl.DataFrame) -> dict[str, Array]:
    """float32[r] by name. Raises DataError for a column that is neither number, flag nor text."""
    found: dict[str, Array] = {}
    for series in narrowed(frame, table):
        name = attribute_name(series.name)
        if series.dtype.is_numeric() or series.dtype == pl.Boolean:
            found[name] = _float32(series)
        elif series.dtype == pl.String:
            found |= {f"{name}={value}": _float32(series == value) for value in _frequent(series)}
        elif series.dtype != pl.Null:
            raise DataError(
                f"{table.path}: column {series.name!r} is {series.dtype}, expected numbers, flags or text; "
                f"to leave it out: ignore = [{series.name!r}]"
            )
    return found


def _frequent(series: pl.Series) -> list[str]:
    counts = series.drop_nulls().value_counts().sort(["count", series.name], descending=[True, False])
    return sorted(counts[series.name].head(MOST_VALUES).to_list())


def _float32(series: pl.Series) -> Array:
    return series.cast(pl.Float32).fill_null(np.nan).to_numpy().copy()
