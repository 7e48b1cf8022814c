from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.folder import Part
from endcap.bundle.writer import PartWriter
from endcap.training.fit import popular
from endcap.training.shop import Shop

from ..made import DAY, context_of, shop_of

ROWS = st.lists(st.tuples(st.just(0), st.integers(0, 4), st.floats(0, 99.9), st.sampled_from([0.1, 1.0])), max_size=30)


def naive(shop: Shop, item: int) -> float:
    events = [
        ((shop.data_end - int(time)) / DAY, float(weight))
        for time, weight, each in zip(shop.log.times, shop.log.weights, shop.log.items, strict=True)
        if each == item
    ]
    shrink = 5 * float(np.mean(shop.log.weights))
    now = sum(weight for age, weight in events if age <= 14) + shrink
    then = sum(weight for age, weight in events if 14 < age <= 28) + shrink
    lean = min(max(math.sqrt(now / then), 0.7), 1.4)
    return lean * sum(weight * math.exp2(-age / 14) for age, weight in events)


@given(ROWS)
def test_popularity_is_recent_weight_leaning_to_what_rises(rows: list[tuple[int, int, float, float]]) -> None:
    shop = shop_of([row[:3] for row in rows], items=5, weights=[row[3] for row in rows])
    expected = [naive(shop, item) if rows else 0.0 for item in range(5)]
    assert popular.popularity(shop).tolist() == pytest.approx(expected, rel=1e-6)


def test_the_part_holds_what_sold_best_first_and_nothing_that_never_did(tmp_path: Path) -> None:
    shop = shop_of([(0, 4, 99), (1, 4, 98), (0, 2, 99), (0, 1, 99), (0, 3, 20)])
    popular.popular.fit(shop, PartWriter(tmp_path), context_of())
    part = Part(tmp_path)
    assert part.array("items").tolist() == [4, 1, 2, 3]
    assert (np.diff(part.array("scores")) <= 0).all()
    assert (str(part.array("items").dtype), str(part.array("scores").dtype)) == ("int32", "float32")
