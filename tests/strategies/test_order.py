from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from endcap.strategies.order import rows_by

FIRST, LAST = np.iinfo(np.int32).min, np.iinfo(np.int32).max


@given(st.lists(st.sampled_from([FIRST, -2, -1, 0, 1, 2, LAST]) | st.integers(FIRST, LAST)))
def test_rows_are_in_the_order_of_their_numbers_and_equal_ones_stay_as_they_stand(numbers: list[int]) -> None:
    found = rows_by(np.array(numbers, np.int32))
    assert found.tolist() == sorted(range(len(numbers)), key=numbers.__getitem__)
