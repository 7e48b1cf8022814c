"""Reading a shop's tables: Parquet or CSV, columns under the shop's own names, mistakes named by file and column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import polars as pl
from polars.exceptions import PolarsError

from endcap.training.errors import DataError, closest

TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True)
class Place:
    """Where a value stands, for messages."""

    path: Path
    column: str

    def refuse(self, values: pl.Series, bad: pl.Series, expected: str) -> NoReturn:
        """Raises DataError for the first of the ``bad`` rows (bool, aligned to ``values``)."""
        row = bad.arg_max() or 0
        raise DataError(
            f"{self.path}: column {self.column!r}, row {row + 1}: found {values[row]!r}, expected {expected}"
        )


@dataclass(frozen=True)
class Table:
    """A table not read yet. Every value of a CSV is text; an empty field is missing."""

    path: Path
    rows: pl.LazyFrame
    schema: pl.Schema

    @staticmethod
    def open(path: Path) -> Table:
        is_csv = path.suffix.lower() == ".csv"
        try:
            rows = pl.scan_csv(path, infer_schema=False) if is_csv else pl.scan_parquet(path)
            return Table(path, rows, rows.collect_schema())
        except (PolarsError, OSError) as error:
            raise _unreadable(path, error) from error

    @property
    def is_text(self) -> bool:
        """Whether types have to be told from the values."""
        return self.path.suffix.lower() == ".csv"

    def columns(self, wanted: Mapping[str, str], needed: Iterable[str]) -> dict[str, str]:
        """Those of ``wanted`` (the table's column by Endcap's name) that are there.

        Raises DataError where one of the ``needed`` is absent.
        """
        needed = set(needed)
        for name, column in wanted.items():
            if name in needed and column not in self.schema:
                hint = closest(column, self.schema.names())
                raise DataError(f"{self.path}: no column {column!r}, which Endcap reads as {name}; {hint}")
        return {name: column for name, column in wanted.items() if column in self.schema}

    def others(self, used: Iterable[str], ignore: list[str]) -> list[str]:
        """The columns that are neither ``used`` nor to be ignored. Raises DataError where one to ignore is absent."""
        self.columns({f"ignore: {name}": name for name in ignore}, [f"ignore: {name}" for name in ignore])
        left_out = {*used, *ignore}
        return [name for name in self.schema.names() if name not in left_out]

    def read(self, columns: Mapping[str, str]) -> pl.DataFrame:
        """The columns under the names that are the keys of ``columns``. Raises DataError where there are no rows."""
        try:
            frame = self.rows.select(pl.col(column).alias(name) for name, column in columns.items()).collect()
        except (PolarsError, OSError) as error:
            raise _unreadable(self.path, error) from error
        if frame.is_empty():
            raise DataError(f"{self.path}: the table is empty, expected at least one row")
        return frame

    def place(self, column: str) -> Place:
        return Place(self.path, column)


def _unreadable(path: Path, error: Exception) -> DataError:
    kind = "CSV in UTF-8 with a header" if path.suffix.lower() == ".csv" else "Parquet"
    found = str(error).strip().split("\n")[0]
    return DataError(f"{path}: cannot be read as {kind}: {found}")


def ids(values: pl.Series, place: Place) -> pl.Series:
    """Text, missing where blank. Whole numbers lose the ``.0`` that a column with gaps may have given them."""
    if values.dtype.is_float() and (values.drop_nulls().drop_nans() % 1 == 0).all():
        values = values.fill_nan(None).cast(pl.Int64)
    if not (values.dtype.is_integer() or values.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null)):
        raise DataError(
            f"{place.path}: column {place.column!r} is {values.dtype}, expected ids (text or whole numbers)"
        )
    text = values.cast(pl.String)
    return text.set(text.str.strip_chars() == "", None)


def codes(values: pl.Series, place: Place) -> pl.Series:
    """UInt32 for what only has to be told apart: 0, 1, 2 … in the order of the sorted values, missing where blank."""
    names = values if values.dtype.is_integer() else ids(values, place)
    return names.rank("dense") - 1


def numbers(values: pl.Series, place: Place) -> pl.Series:
    """Float64, missing where blank or not finite. Raises DataError for the first value that is no number."""
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        values = values.str.strip_chars().replace("", None)
    elif not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"{place.path}: column {place.column!r} is {values.dtype}, expected numbers")
    parsed = values.cast(pl.Float64, strict=False)
    bad = parsed.is_null() & values.is_not_null()
    if bad.any():
        place.refuse(values, bad, "a number")
    return parsed.set(~parsed.is_finite(), None)


def flags(values: pl.Series, place: Place) -> pl.Series:
    """Boolean, missing where blank. Raises DataError for the first value that is neither yes nor no."""
    if values.dtype == pl.Boolean:
        return values
    text = values.cast(pl.String, strict=False).str.strip_chars().str.to_lowercase().replace("", None)
    text = text.str.replace(r"\.0$", "")
    bad = ~text.is_in([*TRUE, *FALSE]) & text.is_not_null()
    if bad.any():
        place.refuse(values, bad, "true or false (yes, no, 1 and 0 will do)")
    return text.is_in(TRUE)
