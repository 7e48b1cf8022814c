from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.strategies import tally
from endcap.strategies.tally import Sums, Tally

SIZE = 12
ENTRIES = st.lists(st.tuples(st.integers(-1, SIZE - 1), st.sampled_from([0.5, 1.0, 4.0])), max_size=40)


def summed(counted: Tally, entries: list[tuple[int, float]]) -> Sums:
    keys = np.array([key for key, _ in entries], np.int32)
    return counted.sums(keys, np.array([[value, 1.0] for _, value in entries]).reshape(-1, 2))


def expected(entries: list[tuple[int, float]]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for key, value in entries:
        if key >= 0:
            found[key][0] += value
            found[key][1] += 1.0
    return dict(found)


@given(st.lists(ENTRIES, min_size=1, max_size=4))
def test_every_use_sums_its_own_entries_alone(uses: list[list[tuple[int, float]]]) -> None:
    counted = Tally(SIZE)
    for entries in uses:
        sums = summed(counted, entries)
        assert dict(zip(sums.keys.tolist(), sums.values.tolist(), strict=True)) == expected(entries)


def test_a_table_that_has_run_out_of_numbers_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "_LARGEST", 3)
    counted = Tally(SIZE)
    for key in range(7):
        assert summed(counted, [(key, 1.0)]).keys.tolist() == [key]


def test_threads_do_not_count_into_each_others_tables() -> None:
    counted = Tally(SIZE)

    def count(number: int) -> list[float]:
        return [float(summed(counted, [(number, 1.0), (number, 2.0)]).values[0, 0]) for _ in range(300)]

    with ThreadPoolExecutor(4) as pool:
        assert all(set(found) == {3.0} for found in pool.map(count, range(4)))
