"""Messages written by hand are those that protobuf reads."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from endcap.server.codec.wire import nearest_float32, sized, tag, varint
from endcap.v1.ranking_pb2 import FilterDrop, ItemSource, RankedItem


@given(st.one_of(st.integers(0, 2**31 - 1), st.sampled_from([127, 128, 4095, 4096, 16383, 16384])))
def test_a_number_is_read_back(number: int) -> None:
    assert FilterDrop.FromString(tag(FilterDrop, "dropped_count") + varint(number)).dropped_count == number


@given(st.text(max_size=5_000))
def test_a_text_is_read_back(text: str) -> None:
    assert RankedItem.FromString(sized(tag(RankedItem, "title"), text.encode())).title == text


@given(st.floats())
def test_a_score_is_the_nearest_float32_and_infinite_beyond_its_range(score: float) -> None:
    with np.errstate(over="ignore"):
        nearest = float(np.float32(score))
    found = ItemSource.FromString(tag(ItemSource, "score") + nearest_float32(score)).score
    assert found == nearest or (math.isnan(found) and math.isnan(nearest))
