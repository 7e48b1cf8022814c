from __future__ import annotations

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.strategies.compiled import INT, SINGLES, TO_SINGLES, kernel


@kernel(INT(SINGLES, TO_SINGLES))
def _double(values: Array, doubled: Array) -> int:
    for row in range(len(values)):
        doubled[row] = 2 * values[row]
    return len(values)


@pytest.mark.parametrize("writable", [True, False])
def test_a_kernel_takes_what_it_only_reads_whether_or_not_it_may_be_written(writable: bool) -> None:
    values, doubled = np.array([1, 2], np.float32), np.zeros(2, np.float32)
    values.setflags(write=writable)
    assert _double(values, doubled) == 2
    assert doubled.tolist() == [2, 4]


def test_a_kernel_is_compiled_before_its_first_call_and_never_again() -> None:
    assert len(_double.signatures) == 1
    for strange in (np.zeros(2), np.zeros(4, np.float32)[::2]):
        with pytest.raises(TypeError, match="No matching definition"):
            _double(strange, np.zeros(2, np.float32))
    assert len(_double.signatures) == 1
