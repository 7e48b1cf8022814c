from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.strategies.batch import Candidates

ITEMS = np.array([4, 7, 9], np.int32)


def table(values: dict[str, list[float]]) -> Candidates:
    made = Candidates(ITEMS)
    for name, column in values.items():
        made = made.with_column(name, np.array(column, np.float32))
    return made


def test_adding_columns_makes_a_new_table_and_leaves_the_old_one() -> None:
    before = table({"a": [1, 2, 3]})
    after = before.with_block(["b", "c"], np.zeros((3, 2), np.float32))
    assert before.names == ("a",)
    assert after.names == ("a", "b", "c")
    assert after.items is before.items


@pytest.mark.parametrize("shape", [(3,), (3, 1), (2, 2), (3, 3)])
def test_a_block_of_the_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected float32\[3, 2\], found float32"):
        Candidates(ITEMS).with_block(["a", "b"], np.zeros(shape, np.float32))


def test_a_block_of_doubles_is_refused() -> None:
    with pytest.raises(ValueError, match="found float64"):
        Candidates(ITEMS).with_block(["a"], np.zeros((3, 1)))


def test_a_column_is_read_by_name_and_the_last_of_a_name_wins() -> None:
    made = table({"a": [1, 2, 3], "b": [4, 5, 6]}).with_column("a", np.array([7, 8, 9]))
    assert made.column("a").tolist() == [7, 8, 9]
    assert made.matrix(["a", "b"]).tolist() == [[7, 4], [8, 5], [9, 6]]


def test_asking_for_a_column_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(KeyError, match="no column 'c' among a, b"):
        table({"a": [1, 2, 3], "b": [4, 5, 6]}).column("c")


def test_a_matrix_has_nan_where_no_block_has_the_column() -> None:
    assert np.isnan(table({"a": [1, 2, 3]}).matrix(["z"])).all()


def test_taking_rows_by_mask_and_by_number_keeps_items_and_columns_together() -> None:
    made = table({"a": [1, 2, 3]})
    by_mask, by_number = made.take(np.array([True, False, True])), made.take(np.array([2, 0]))
    assert (by_mask.items.tolist(), by_mask.column("a").tolist()) == ([4, 9], [1, 3])
    assert (by_number.items.tolist(), by_number.column("a").tolist()) == ([9, 4], [3, 1])


def test_of_rows_taken_the_last_column_of_a_name_wins_and_numbers_count_from_either_end() -> None:
    made = table({"a": [1, 2, 3], "b": [4, 5, 6]}).with_column("a", np.array([7, 8, 9])).take(np.array([-1, 0]))
    assert made.items.tolist() == [9, 4]
    assert made.matrix(["b", "a"]).tolist() == [[6, 9], [4, 7]]


@pytest.mark.parametrize("rows", [np.array([3]), np.array([-4]), np.array([True, False]), np.ones(4, np.bool_)])
def test_rows_that_are_not_there_cannot_be_taken(rows: Array) -> None:
    with pytest.raises(IndexError):
        table({"a": [1, 2, 3]}).take(rows)


NAMES = st.sampled_from("abcdef")


@given(st.lists(st.lists(NAMES, min_size=1, max_size=4, unique=True), max_size=4), st.lists(NAMES, unique=True))
def test_a_matrix_is_its_columns_side_by_side(blocks: list[list[str]], wanted: list[str]) -> None:
    made, value = Candidates(ITEMS), 0.0
    for names in blocks:
        value += 100
        made = made.with_block(names, (np.arange(3 * len(names)).reshape(3, -1) + value).astype(np.float32))
    found = made.matrix(wanted)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    for place, name in enumerate(wanted):
        expected = made.column(name) if name in made.names else np.full(3, np.nan)
        np.testing.assert_array_equal(found[:, place], expected)
