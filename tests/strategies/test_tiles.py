from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.strategies.batch import Candidates
from endcap.strategies.score import dense, native
from endcap.strategies.tiles import ROWS, tiled, untiled

SIZES = [0, 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS]


def test_all_machine_code_takes_tiles_of_one_size() -> None:
    assert dense.ROWS == native.ROWS == ROWS


@pytest.mark.parametrize("size", SIZES)
def test_rows_come_back_from_tiles_and_behind_the_last_stands_it_again(size: int) -> None:
    rows = np.random.default_rng(1).random((size, 5)).astype(np.float32)
    tiles = tiled(rows)
    assert tiles.shape == (-(-size // ROWS), 5, ROWS)
    np.testing.assert_array_equal(untiled(tiles, size), rows)
    rest = untiled(tiles, len(tiles) * ROWS)[size:]
    assert (rest == rows[-1:]).all()


@given(size=st.sampled_from(SIZES), wanted=st.lists(st.sampled_from("abcdez"), unique=True))
def test_tiles_of_candidates_hold_what_their_matrix_holds(size: int, wanted: list[str]) -> None:
    random = np.random.default_rng(2)
    made = Candidates(np.arange(size, dtype=np.int32))
    for names in ("ab", "cde", "b"):
        made = made.with_block(tuple(names), random.random((size, len(names))).astype(np.float32))
    np.testing.assert_array_equal(untiled(made.tiles(wanted), size), made.matrix(wanted))


def test_columns_that_do_not_lie_side_by_side_are_taken_all_the_same() -> None:
    values = np.random.default_rng(3).random((4, 70)).astype(np.float32).T
    made = Candidates(np.arange(70, dtype=np.int32)).with_block(tuple("abcd"), values)
    np.testing.assert_array_equal(untiled(made.tiles("dba"), 70), values[:, [3, 1, 0]])
    np.testing.assert_array_equal(made.take(np.array([9, 0])).matrix("abcd"), values[[9, 0]])
