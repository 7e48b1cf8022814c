from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.columns import BoolColumn, Column, ListColumn, NumberColumn, StringColumn, column_from_arrays
from endcap.bundle.strings import StringTable

Builder = Callable[[Sequence[Any]], Column]

COLUMNS: list[tuple[Builder, list[Any]]] = [
    (StringColumn.of, ["Acme", None, "", "Acme", "ß"]),
    (NumberColumn.of, [1.5, None, -0.0, 1e300]),
    (BoolColumn.of, [True, None, False]),
    (ListColumn.of, [("a", "b"), (), ("b", "b")]),
]


def values(column: Column) -> list[object]:
    return [column.value(row) for row in range(len(column))]


@pytest.mark.parametrize(("of", "given_values"), COLUMNS)
def test_a_column_gives_back_its_values_and_survives_the_disk(
    of: Builder, given_values: list[Any], tmp_path: Path
) -> None:
    column = of(given_values)
    assert values(column) == given_values
    for name, array in column.arrays("column.x").items():
        np.save(tmp_path / f"{name}.npy", array)
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in tmp_path.iterdir()}
    assert values(column_from_arrays(column.kind, arrays, "column.x")) == given_values


@pytest.mark.parametrize(("of", "_values"), COLUMNS)
def test_a_column_without_rows_survives_the_arrays(of: Builder, _values: list[Any]) -> None:
    column = of([])
    assert values(column_from_arrays(column.kind, column.arrays("x"), "x")) == []


@pytest.mark.parametrize(
    ("of", "row", "expected"),
    [
        (StringColumn.of, ["a"], str),
        (NumberColumn.of, [1], float),
        (BoolColumn.of, [1], bool),
        (ListColumn.of, ["a"], tuple),
    ],
)
def test_values_are_plain_python_values(of: Builder, row: list[Any], expected: type) -> None:
    assert type(of(row).value(0)) is expected


def test_each_distinct_text_is_kept_once_in_order_of_appearance() -> None:
    column = StringColumn.of(["b", None, "a", "b"])
    assert column.codes.tolist() == [0, -1, 1, 0]
    assert list(column.vocabulary) == ["b", "a"]


def test_no_list_counts_as_an_empty_one() -> None:
    assert values(ListColumn.of([None, ["a"]])) == [(), ("a",)]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=4), min_size=1, max_size=8), st.data())
def test_the_pieces_of_some_rows_are_their_values_in_the_rows_order(
    lists: list[list[str]], data: st.DataObject
) -> None:
    column = ListColumn.of(lists)
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1)))
    offsets, codes = column.pieces(np.array(rows, np.int32))
    assert values(ListColumn(offsets, codes, column.vocabulary)) == [tuple(lists[row]) for row in rows]


def test_a_code_beyond_the_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="found values from 0 to 1, expected -1 to 0"):
        StringColumn(np.array([0, 1], np.int32), StringTable.of(["a"]))
    with pytest.raises(ValueError, match="found values from -1 to 0, expected 0 to 0"):
        ListColumn(np.array([0, 2]), np.array([-1, 0], np.int32), StringTable.of(["a"]))
    with pytest.raises(ValueError, match="found values from 0 to 2, expected -1 to 1"):
        BoolColumn(np.array([0, 2], np.int8))


def test_a_kind_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'column\.x' is of kind 'date', expected string, number, bool or list"):
        column_from_arrays("date", {}, "column.x")


def test_an_array_of_another_type_is_refused_and_not_converted() -> None:
    with pytest.raises(ValueError, match=r"'x\.values' is float32 of 1 dimensions, expected float64 of 1"):
        column_from_arrays("number", {"x.values": np.zeros(1, np.float32)}, "x")
