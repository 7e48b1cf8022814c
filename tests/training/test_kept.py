from __future__ import annotations

from copy import copy
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as made

from endcap.training.kept import Kept

from .made import DAY, START, shop_of

ARRAYS = made.arrays(
    st.sampled_from([np.int32, np.float32, np.int8, np.bool_, np.int64]), made.array_shapes(min_side=0, max_dims=2)
)


@given(st.lists(ARRAYS, max_size=6), st.lists(st.text(), max_size=3))
def test_what_is_opened_is_what_was_written(arrays: list[np.ndarray], texts: list[str]) -> None:
    with TemporaryDirectory() as folder:
        kept = Kept.write((arrays, {"texts": texts}), Path(folder))
        found, rest = copy(kept).open()
    assert rest == {"texts": texts}
    assert [array.dtype for array in found] == [array.dtype for array in arrays]
    for array, expected in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_arrays_are_mapped_and_cannot_be_written_to(tmp_path: Path) -> None:
    found = Kept.write(np.arange(1000), tmp_path).open()
    assert not found.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_a_shop_is_the_same_before_any_moment(tmp_path: Path) -> None:
    shop, moment = shop_of([(0, 1, 10), (0, 2, 60), (2, 5, 30)]), START + 40 * DAY
    past, expected = Kept.write(shop, tmp_path).open().before(moment), shop.before(moment)
    assert len(past.users) == 2
    assert past.titles == expected.titles
    np.testing.assert_array_equal(past.users, expected.users)
    for each in fields(expected.log):
        np.testing.assert_array_equal(getattr(past.log, each.name), getattr(expected.log, each.name))


def test_several_lie_side_by_side(tmp_path: Path) -> None:
    one, other = Kept.write([1], tmp_path), Kept.write([2], tmp_path)
    assert (one.open(), other.open()) == ([1], [2])
