from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.strategies.contract import Query
from endcap.strategies.recall.kinds import Kind

GROUP_OF, SHARES = [0, 0, 2, 1, -1, 2], [0.25, 0.75, 1.0, 0.0, 0.5, 0.5]
ARRAYS: dict[str, Array] = {
    "line.share": np.array(SHARES, np.float32),
    "line.offsets": np.array([0, 2, 3, 5]),
    "line.items": np.array([1, 0, 3, 2, 5], np.int32),
}
SEEDS = st.lists(st.integers(0, len(GROUP_OF) - 1), unique=True)


class Grouped:
    """A bundle of which only one kind matters."""

    def __init__(self) -> None:
        self.catalog, self.groups = self, {"line": np.array(GROUP_OF, np.int32)}

    def part(self, name: str) -> Grouped:
        return self

    def array(self, name: str) -> Array:
        return ARRAYS[name]


def expected(seeds: list[int], item: int) -> float:
    """The seeds' share in the item's group, times the item's own share of that."""
    leaning: dict[int, float] = defaultdict(float)
    for seed in seeds:
        leaning[GROUP_OF[seed]] += 1 / len(seeds)
    return leaning[GROUP_OF[item]] * SHARES[item] if GROUP_OF[item] >= 0 else 0.0


@given(SEEDS, SEEDS, st.lists(st.integers(0, len(GROUP_OF) - 1)))
def test_an_item_is_as_likely_as_its_kind_whoever_was_asked_about_since(
    seeds: list[int], later: list[int], wanted: list[int]
) -> None:
    bundle: Any = Grouped()
    kind = Kind(bundle, "line")
    leaning, other = (kind.leaning(Query(now=0, seeds=np.array(each, np.int32)), 1.0, 9) for each in (seeds, later))
    found = np.full((len(wanted), 2), np.nan, np.float32)
    for column, own in enumerate((other, leaning)):
        kind.fill(own, np.array(wanted, np.int32), column, found)
    assert found[:, 1].tolist() == pytest.approx([expected(seeds, item) for item in wanted])
    assert found[:, 0].tolist() == pytest.approx([expected(later, item) for item in wanted])
