"""The events table: read, cleaned (see cleaning.py), numbered and sorted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from endcap.bundle.events import Array, Events
from endcap.bundle.manifest import Clock
from endcap.training.cleaning_report import CleaningReport
from endcap.training.config import EventsConfig
from endcap.training.data.cleaning import drop_bots, drop_repeated, drop_unusable, one_row_an_event
from endcap.training.data.sieve import ROW
from endcap.training.data.tables import Table, codes, ids, numbers
from endcap.training.data.times import clock_of, read_times, seconds
from endcap.training.errors import DataError, closest
from endcap.training.shop import Searches

TABLE = "events"


@dataclass(frozen=True)
class CleanEvents:
    """m events, sorted by (user, time, item)."""

    user_ids: list[str]  # sorted
    users: Array  # int32[m]
    log: Events
    clock: Clock
    searches: Searches | None


def no_events() -> CleanEvents:
    """Of a shop that has a catalog and nothing else."""
    return CleanEvents([], np.empty(0, np.int32), Events.none(), Clock(), None)


def read_events(config: EventsConfig, item_ids: list[str], report: CleaningReport) -> CleanEvents:
    """``item_ids`` are sorted. Raises DataError for a column or value that cannot be used, and where no events, or none
    of a goal type, are left."""
    table = Table.open(config.path)
    columns = _columns(table, config)
    raw = table.read(columns)
    report.read[TABLE] = len(raw)
    queries = ids(raw["query"], table.place(columns["query"])) if "query" in columns else None
    times = read_times(raw["time"], table.place(columns["time"]), config.time)
    frame = drop_unusable(_parse(table, raw, columns, config, times.values), TABLE, config, item_ids, report)
    del raw
    _need_rows(frame, table, report)
    frame, clock = _on_clock(frame, times.kind)
    frame, user_ids = _number_users(frame)
    frame = drop_repeated(frame, TABLE, report)
    frame = drop_bots(frame, TABLE, user_ids, config.max_per_day, report)
    _need_rows(frame, table, report)
    frame = one_row_an_event(frame, TABLE, report)
    _need_goals(frame, table, config)
    report.kept[TABLE] = len(frame)
    return _numbered(frame, user_ids, clock, config, queries)


def _columns(table: Table, config: EventsConfig) -> dict[str, str]:
    wanted, needed = config.columns.model_dump(), {"user_id", "item_id", "time"} | config.columns.model_fields_set
    event_type = wanted.pop("event_type")
    columns = table.columns(wanted, needed)
    if config.event_type:
        return columns
    if event_type not in table.schema:
        hint = closest(event_type, table.schema.names())
        raise DataError(
            f"{table.path}: no column {event_type!r}, which Endcap reads as event_type (where all events are of one "
            f'type, shop.toml says event_type = "purchase" under [events] instead); {hint}'
        )
    return columns | {"event_type": event_type}


def _parse(
    table: Table, raw: pl.DataFrame, columns: dict[str, str], config: EventsConfig, times: pl.Series
) -> pl.DataFrame:
    """Text ids, Int64 times, codes for what only has to be told apart, and Float64 amounts; null where missing."""
    parsed = {"time": times}
    for name in ("user_id", "item_id", "event_type", "event_id"):
        if name in columns:
            parsed[name] = ids(raw[name], table.place(columns[name]))
    if config.event_type:
        parsed["event_type"] = pl.repeat(config.event_type, len(raw), eager=True)
    for name, code in (("basket_id", "basket"), ("slate_id", "slate"), ("query", "query")):
        if name in columns:
            parsed[code] = codes(raw[name], table.place(columns[name]))
    for name in ("quantity", "value", "position"):
        if name in columns:
            parsed[name] = numbers(raw[name], table.place(columns[name]))
    return pl.DataFrame(parsed).with_row_index(ROW, offset=1)


def _need_rows(frame: pl.DataFrame, table: Table, report: CleaningReport) -> None:
    if frame.is_empty():
        found = "; ".join(f"{drop.count} dropped: {drop.reason} ({drop.example})" for drop in report.drops_of(TABLE))
        raise DataError(f"{table.path}: no events are left of {report.read[TABLE]}: {found}")


def _need_goals(frame: pl.DataFrame, table: Table, config: EventsConfig) -> None:
    types = sorted(config.weights)
    counts = frame["type"].value_counts().sort("type")
    found = {types[code]: count for code, count in counts.iter_rows()}
    if not found.keys() & set(config.goal_types):
        listed = ", ".join(f"{name} ({count})" for name, count in found.items())
        raise DataError(
            f"{table.path}: no events of a goal type ({', '.join(config.goal_types)}) are left; found: {listed}. "
            "Name the types to aim at: goal = [...] under [events]"
        )


def _on_clock(frame: pl.DataFrame, kind: Literal["timestamp", "order"]) -> tuple[pl.DataFrame, Clock]:
    times = frame["time"].to_numpy()
    clock = clock_of(kind, int(times.min()), int(times.max()))
    return frame.with_columns(time=pl.Series(seconds(times, clock))), clock


def _number_users(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    names = frame["user_id"].unique().sort()
    numbered = pl.DataFrame({"user_id": names}).with_row_index("user").with_columns(pl.col("user").cast(pl.Int32))
    return frame.join(numbered, on="user_id", maintain_order="left").drop("user_id"), names


def _numbered(
    frame: pl.DataFrame, user_ids: pl.Series, clock: Clock, config: EventsConfig, queries: pl.Series | None
) -> CleanEvents:
    active, users = np.unique(frame["user"].to_numpy(), return_inverse=True)
    types = sorted(config.weights)
    type_codes = frame["type"].to_numpy()
    log = Events(
        items=_column(frame, "item", np.int32),
        times=_column(frame, "time", np.int64),
        weights=np.array([config.weights[name] for name in types], np.float32)[type_codes],
        goals=np.array([name in config.goal_types for name in types])[type_codes],
        quantities=_column(frame, "quantity", np.float32, missing=1.0),
        values=_column(frame, "value", np.float32, missing=np.nan),
        baskets=_column(frame, "basket", np.int64, missing=-1),
    )
    searches = _searches(frame, queries)
    return CleanEvents(user_ids.gather(active).to_list(), users.astype(np.int32), log, clock, searches)


def _searches(frame: pl.DataFrame, queries: pl.Series | None) -> Searches | None:
    if not {"query", "slate", "position"} & set(frame.columns):
        return None
    return Searches(
        texts=[] if queries is None else queries.drop_nulls().unique().sort().to_list(),
        queries=_column(frame, "query", np.int32, missing=-1),
        slates=_column(frame, "slate", np.int64, missing=-1),
        positions=_column(frame, "position", np.float32, missing=np.nan),
    )


def _column(frame: pl.DataFrame, name: str, dtype: type[np.generic], missing: float | None = None) -> Array:
    if name not in frame.columns:
        return np.full(len(frame), missing, dtype)
    column = frame[name] if missing is None else frame[name].fill_null(missing)
    return np.ascontiguousarray(column.to_numpy(), dtype)
