"""Which events say nothing, or say it twice.

Rows are dropped, and counted, that lack an id or a time, are of a type without a weight or of an item that the catalog
does not know, that sell nothing (a return, a void), that repeat another row, or that belong to a bot. Rows of one
shopper, item, type, moment and basket that are not repetitions (two packs rung up one by one) become one event.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from endcap.bundle.events import Array
from endcap.training.cleaning_report import CleaningReport
from endcap.training.config import EventsConfig
from endcap.training.data.sieve import ROW, Rule, sieve
from endcap.training.data.times import SECONDS_PER_DAY

EVENT = ["user", "time", "item", "type", "basket"]
"""Rows that are equal in these are one event. The first three are the order of the log."""
DETAILS = ["quantity", "value", "query", "slate", "position"]
"""Rows that are equal in these too say the same thing twice, where there is no event_id to tell."""
AMOUNTS = ["quantity", "value"]


def drop_unusable(
    frame: pl.DataFrame, table: str, config: EventsConfig, item_ids: list[str], report: CleaningReport
) -> pl.DataFrame:
    """The usable rows, with ``item`` (Int32) and ``type`` (UInt8, in the order of the sorted names) for their texts."""
    rules = [Rule(f"no {name}", pl.col(name).is_null()) for name in ("user_id", "item_id", "time", "event_type")]
    frame = sieve(frame, table, rules, report)
    frame = _numbered(frame, "event_type", sorted(config.weights), "type", pl.UInt8)
    frame = _numbered(frame, "item_id", item_ids, "item", pl.Int32)
    rules = [
        Rule("an event type without a weight", pl.col("type").is_null(), "event_type"),
        Rule("an item that is not in the items table", pl.col("item").is_null(), "item_id"),
    ]
    if "event_id" in frame.columns:
        again = pl.col("event_id").is_not_null() & ~pl.col("event_id").is_first_distinct()
        rules.insert(0, Rule("a repeated event_id", again, "event_id"))
    if "quantity" in frame.columns:
        sold_none = (pl.col("quantity") <= 0) & pl.col("event_type").is_in(config.goal_types)
        rules.append(Rule("nothing sold: a quantity of 0 or less", sold_none, "quantity"))
    frame = sieve(frame, table, rules, report).drop("event_type", "item_id")
    return frame.with_columns(quantity=_positive("quantity")) if "quantity" in frame.columns else frame


def _numbered(frame: pl.DataFrame, name: str, names: list[str], number: str, dtype: type[pl.DataType]) -> pl.DataFrame:
    """With the column ``number``: the place in ``names`` of the text in column ``name``, null where it is not there."""
    places = pl.DataFrame({name: pl.Series(names, dtype=pl.String), number: pl.Series(range(len(names)), dtype=dtype)})
    return frame.join(places, on=name, how="left", maintain_order="left")


def drop_repeated(frame: pl.DataFrame, table: str, report: CleaningReport) -> pl.DataFrame:
    """Sorted by (user, time, item), each thing said once; ``fresh`` marks the first row of each event."""
    event, details = _present(frame, EVENT), _present(frame, DETAILS)
    frame = frame.sort(*event, *details, ROW)
    frame = frame.with_columns(fresh=_changed(event))
    if "event_id" in frame.columns:
        return frame.drop("event_id")
    rules = [Rule("repeats another row", ~_changed(event + details))]
    return sieve(frame, table, rules, report)


def drop_bots(
    frame: pl.DataFrame, table: str, user_ids: pl.Series, max_per_day: int, report: CleaningReport
) -> pl.DataFrame:
    """Without the shoppers whose busiest day (of 24 hours, UTC) has more than ``max_per_day`` events."""
    days = frame.group_by("user", pl.col("time") // SECONDS_PER_DAY).len("events")
    bots = days.filter(pl.col("events") > max_per_day).sort("events", "user", descending=[True, False])
    if bots.is_empty():
        return frame
    user, _, busiest = bots.row(0)
    rows = frame["user"].is_in(bots["user"].unique())
    reason = f"a bot: a shopper with more than {max_per_day} events in a day"
    report.drop(table, reason, int(rows.sum()), f"user_id {user_ids[user]!r}: {busiest} in a day")
    return frame.filter(~rows)


def one_row_an_event(frame: pl.DataFrame, table: str, report: CleaningReport) -> pl.DataFrame:
    """Rows of one event become its first, with their quantities and values added up."""
    fresh = frame["fresh"]
    merged = len(frame) - int(fresh.sum())
    if not merged:
        return frame.drop("fresh")
    report.drop(table, "added to another row of the same event", merged, f"row {frame.filter(~fresh)[ROW][0]}")
    starts = np.flatnonzero(fresh.to_numpy())
    sums = {name: _sums(frame, name, starts) for name in AMOUNTS if name in frame.columns}
    return frame.filter(fresh).drop("fresh").with_columns(**sums)


def _sums(frame: pl.DataFrame, name: str, starts: Array) -> pl.Series:
    """The sum of each event's amounts, missing where all of them are. A quantity that is missing counts as 1."""
    amounts = frame[name].fill_null(1.0) if name == "quantity" else frame[name]
    known = np.add.reduceat(amounts.is_not_null().to_numpy().astype(np.int64), starts)
    sums = pl.Series(np.add.reduceat(amounts.fill_null(0.0).to_numpy(), starts))
    return sums.set(pl.Series(known == 0), None)


def _positive(name: str) -> pl.Expr:
    return pl.when(pl.col(name) > 0).then(pl.col(name))


def _present(frame: pl.DataFrame, names: list[str]) -> list[str]:
    return [name for name in names if name in frame.columns]


def _changed(names: list[str]) -> pl.Expr:
    """Whether a row differs from the one before it in any of these columns."""
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in names)
    return differs | (pl.int_range(pl.len()) == 0)
