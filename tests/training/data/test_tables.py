from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from endcap.training.data.tables import Place, Table, codes, flags, ids, numbers
from endcap.training.errors import DataError

PLACE = Place(Path("t.csv"), "col")


def column(values: list[Any]) -> pl.Series:
    return pl.Series("col", values, strict=False)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([7, None], ["7", None]),
        ([7.0, float("nan")], ["7", None]),
        (["007", "", "  ", "a b"], ["007", None, None, "a b"]),
        ([None], [None]),
    ],
)
def test_ids_become_text_and_blanks_are_missing(values: list[Any], found: list[str | None]) -> None:
    assert ids(column(values), PLACE).to_list() == found


@pytest.mark.parametrize("values", [[1.5], [True], [dt.date(2026, 1, 1)], [["a"]]])
def test_what_cannot_be_an_id_is_refused(values: list[Any]) -> None:
    with pytest.raises(DataError, match=r"t.csv: column 'col' is .*, expected ids \(text or whole numbers\)"):
        ids(column(values), PLACE)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["1.5", "", " -2 "], [1.5, None, -2.0]),
        ([1, None], [1.0, None]),
        ([float("inf"), float("nan"), 0.5], [None, None, 0.5]),
    ],
)
def test_numbers_are_finite_or_missing(values: list[Any], found: list[float | None]) -> None:
    assert numbers(column(values), PLACE).to_list() == found


def test_the_first_value_that_is_no_number_is_named() -> None:
    with pytest.raises(DataError, match=r"t.csv: column 'col', row 2: found '1,5', expected a number"):
        numbers(column(["1.5", "1,5", "x"]), PLACE)


@pytest.mark.parametrize(
    ("values", "found"),
    [(["Yes", "", "FALSE"], [True, None, False]), ([1, 0], [True, False]), ([True, None], [True, None])],
)
def test_flags_take_the_usual_words(values: list[Any], found: list[bool | None]) -> None:
    assert flags(column(values), PLACE).to_list() == found


def test_a_flag_that_is_neither_yes_nor_no_is_named() -> None:
    with pytest.raises(DataError, match=r"row 1: found 'maybe', expected true or false"):
        flags(column(["maybe"]), PLACE)


def test_codes_tell_values_apart_in_their_order() -> None:
    assert codes(column(["b", None, "a", "b"]), PLACE).to_list() == [1, None, 0, 1]
    assert codes(column([30, 4]), PLACE).to_list() == [1, 0]


def test_a_missing_column_is_named_with_the_closest_one(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    pl.DataFrame({"userid": [1]}).write_parquet(path)
    with pytest.raises(DataError) as caught:
        Table.open(path).columns({"user_id": "user_id"}, ["user_id"])
    assert str(caught.value) == (f"{path}: no column 'user_id', which Endcap reads as user_id; did you mean 'userid'?")


def test_a_column_to_ignore_has_to_be_there(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1], "b": [2], "c": [3]}).write_parquet(path)
    assert Table.open(path).others(["a"], ["c"]) == ["b"]
    with pytest.raises(DataError, match=r"no column 'cc', which Endcap reads as ignore: cc; did you mean 'c'\?"):
        Table.open(path).others(["a"], ["cc"])


@pytest.mark.parametrize(("name", "content"), [("t.csv", b""), ("t.parquet", b"PAR1"), ("t.csv", b"a,b\n\xff\xfe,1\n")])
def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        Table.open(path).read({"a": "a"})
    assert str(caught.value).startswith(f"{path}: cannot be read as ")
    assert "\n" not in str(caught.value)


def test_a_table_with_a_header_only_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        Table.open(path).read({"a": "a"})
    assert str(caught.value) == f"{path}: the table is empty, expected at least one row"
