from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.strategies.batch import Recalled
from endcap.strategies.merge import CALLER, FUSED, VOTES, merge

SOURCES = st.dictionaries(
    st.sampled_from(["als", "text", "repeat"]), st.lists(st.integers(0, 15), unique=True, max_size=12)
)


def recalled(items: list[int]) -> Recalled:
    scores = np.linspace(3, -1, len(items), dtype=np.float32)
    return Recalled(np.array(items, np.int32), scores)


def naive(sources: dict[str, list[int]], limit: int) -> dict[int, dict[str, float]]:
    """Item by item, as the docstring has it."""
    rows: dict[int, dict[str, float]] = {}
    for name, items in sources.items():
        for place, (item, score) in enumerate(zip(items, recalled(items).scores, strict=True), 1):
            row = rows.setdefault(item, {VOTES: 0.0, FUSED: 0.0})
            row[f"{name}.rank"], row[f"{name}.score"] = place, float(score)
            row[VOTES] += 1
            row[FUSED] += 1 / (60 + place)
    best = sorted(rows, key=lambda item: (-np.float32(rows[item][FUSED]), item))[:limit]
    return {item: rows[item] for item in sorted(best)}


@given(SOURCES, st.integers(1, 30))
def test_merging_is_the_union_with_each_sources_rank_and_score(sources: dict[str, list[int]], limit: int) -> None:
    found = merge({name: recalled(items) for name, items in sources.items()}, limit)
    expected = naive(sources, limit)
    assert found.items.dtype == np.int32
    assert set(found.names) == {f"{name}.{what}" for name in sources for what in ("rank", "score")} | {VOTES, FUSED}
    if sum(map(len, sources.values())) <= limit:  # ties at the cut may fall either way, by the order of additions
        assert found.items.tolist() == list(expected)
    for row, item in enumerate(found.items.tolist()):
        for name in found.names:
            value = float(found.column(name)[row])
            wanted = naive(sources, 99)[item].get(name, math.nan)
            assert value == pytest.approx(wanted, rel=1e-6, nan_ok=True)


def test_beyond_the_limit_those_with_the_highest_fusion_stay_in_order_of_item_number() -> None:
    found = merge({"a": recalled([9, 8, 7]), "b": recalled([7, 1, 9])}, 2)
    assert found.items.tolist() == [7, 9]


def test_items_of_equal_fusion_stay_by_item_number() -> None:
    assert merge({"a": recalled([5]), "b": recalled([3]), "c": recalled([4])}, 2).items.tolist() == [3, 4]


def test_the_callers_own_candidates_are_never_cut() -> None:
    assert len(merge({CALLER: recalled(list(range(40)))}, 10)) == 40


def test_nothing_recalled_is_a_table_without_rows() -> None:
    assert merge({"a": Recalled.none()}, 5).names == ("a.rank", "a.score", VOTES, FUSED)
    assert len(merge({}, 5)) == 0
