"""Dropping rows for a reason, and noting how many and which was the first."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from endcap.training.cleaning_report import CleaningReport
from endcap.training.data.tables import Table, ids
from endcap.training.errors import DataError

ROW = "#row"
"""The column of row numbers, from 1 for the first below the header."""
ID = "#id"
"""The column of ids as text, in tables of one row an id."""


class Rule(NamedTuple):
    reason: str
    bad: pl.Expr
    show: str = ""
    """The column that an example is taken from."""


def sieve(frame: pl.DataFrame, table: str, rules: list[Rule], report: CleaningReport) -> pl.DataFrame:
    """The rows that no rule calls bad. A row counts under the first rule that drops it."""
    for rule in rules:
        bad = frame.select(rule.bad.fill_null(False)).to_series()
        if count := int(bad.sum()):
            report.drop(table, rule.reason, count, _example(frame.row(bad.arg_max() or 0, named=True), rule.show))
            frame = frame.filter(~bad)
    return frame


def rows_by_id(
    table: Table, name: str, frame: pl.DataFrame, column: str, role: str, report: CleaningReport
) -> pl.DataFrame:
    """Sorted by ``ID``, one row each: the first. Raises DataError where no row has an id."""
    report.read[name] = len(frame)
    frame = frame.with_columns(ids(frame[column], table.place(column)).alias(ID)).with_row_index(ROW, offset=1)
    again = pl.col(ID).is_not_null() & ~pl.col(ID).is_first_distinct()
    rules = [Rule(f"no {role}", pl.col(ID).is_null()), Rule(f"a repeated {role}", again, column)]
    frame = sieve(frame, name, rules, report)
    if frame.is_empty():
        raise DataError(f"{table.path}: column {column!r} is empty in all {report.read[name]} rows, expected ids")
    report.kept[name] = len(frame)
    return frame.sort(ID)


def _example(row: dict[str, object], show: str) -> str:
    where = f"row {row[ROW]}"
    return f"{where}: {show} {row[show]!r}" if show else where
