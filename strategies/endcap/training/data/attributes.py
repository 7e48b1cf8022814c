"""A table's own columns as the bundle keeps them: text, numbers, flags, and lists of text."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from endcap.bundle.columns import BoolColumn, Column, ListColumn, NumberColumn, StringColumn
from endcap.training.data.tables import FALSE, TRUE, Place, Table, ids
from endcap.training.errors import DataError

_TEXT = (pl.String, pl.Categorical, pl.Enum)


def read_attributes(table: Table, frame: pl.DataFrame, taken: set[str]) -> dict[str, Column]:
    """Every column that holds a value, under a name that a filter can say.

    Raises DataError for a column that has no such form, and for two whose names are one when so written.
    """
    found: dict[str, Column] = {}
    for series in narrowed(frame, table):
        name, place = attribute_name(series.name), table.place(series.name)
        if name in found or name in taken:
            raise DataError(
                f"{table.path}: column {series.name!r} would be a second attribute {name!r}; {_ignore(series)}"
            )
        if series.count():
            found[name] = as_column(series, place)
    return found


def attribute_name(column: str) -> str:
    """Letters, digits and _ , not starting with a digit: ``"Pack size (g)"`` is ``Pack_size_g``."""
    name = re.sub(r"\W+", "_", column).strip("_") or "_"
    return f"_{name}" if name[0].isdigit() else name


def as_column(series: pl.Series, place: Place) -> Column:
    """Dates and times become ISO 8601 text. Raises DataError for what is neither text, number, flag nor list."""
    dtype = series.dtype
    if dtype == pl.Boolean:
        return BoolColumn.of(series)
    if dtype.is_numeric():
        return NumberColumn(series.cast(pl.Float64).fill_null(np.nan).to_numpy().copy())
    if dtype in _TEXT:
        return StringColumn.of(series)
    if dtype in (pl.Date, pl.Datetime):
        return StringColumn.of(series.dt.to_string("iso:strict" if dtype == pl.Datetime else "iso"))
    if isinstance(dtype, pl.List):
        return ListColumn.of(as_lists(series, place))
    raise DataError(
        f"{place.path}: column {place.column!r} is {dtype}, expected text, numbers, flags or lists; {_ignore(series)}"
    )


def as_lists(series: pl.Series, place: Place) -> list[list[str]]:
    """The text entries of each list, without missing ones; empty where the list is missing."""
    exploded = pl.DataFrame({"row": pl.Series(range(len(series)), dtype=pl.UInt32), "entry": series}).explode("entry")
    entries = exploded.with_columns(ids(exploded["entry"], place)).drop_nulls("entry")
    lists = entries.group_by("row", maintain_order=True).agg("entry")
    rows: list[list[str]] = [[] for _ in range(len(series))]
    for row, texts in lists.iter_rows():
        rows[row] = texts
    return rows


def narrowed(frame: pl.DataFrame, table: Table) -> list[pl.Series]:
    """The columns, blanks missing; where all is text (CSV), flags and numbers are told by all of the values."""
    columns = [ids(series, table.place(series.name)) if series.dtype in _TEXT else series for series in frame]
    return [_narrow(series) for series in columns] if table.is_text else columns


def _narrow(series: pl.Series) -> pl.Series:
    text = series.str.strip_chars().str.to_lowercase()
    if text.drop_nulls().is_in([*TRUE[:2], *FALSE[:2]]).all():
        return text.is_in(TRUE)
    parsed = text.cast(pl.Float64, strict=False)
    return series if parsed.null_count() > text.null_count() else parsed


def _ignore(series: pl.Series) -> str:
    return f"to leave it out: ignore = [{series.name!r}]"
