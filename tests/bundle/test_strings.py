from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.strings import StringTable

TEXTS = st.lists(st.text(alphabet="aAbé日*\n\0", max_size=4) | st.text(max_size=8), max_size=12)

COMPARE: dict[tuple[bool, bool], Callable[[str, str], bool]] = {
    (False, False): operator.eq,
    (False, True): str.startswith,
    (True, False): str.endswith,
    (True, True): operator.contains,
}


@given(TEXTS)
def test_a_table_gives_back_its_strings_in_order(texts: list[str]) -> None:
    table = StringTable.of(texts)
    assert len(table) == len(texts)
    assert list(table) == texts
    assert [table[i] for i in range(len(texts))] == texts
    assert table.take(range(len(texts))[::-1]) == texts[::-1]


@given(TEXTS, st.text(alphabet="aAbé日*", max_size=3), st.booleans(), st.booleans())
def test_matching_finds_what_comparing_each_string_finds(
    texts: list[str], text: str, open_start: bool, open_end: bool
) -> None:
    found = StringTable.of(texts).matches(text, open_start=open_start, open_end=open_end)
    assert found.tolist() == [COMPARE[open_start, open_end](string, text) for string in texts]


@pytest.mark.parametrize("texts", [[], [""], ["coffee", "", "thé", "お茶"]])
def test_a_table_survives_the_disk_and_is_read_without_a_copy(texts: list[str], tmp_path: Path) -> None:
    for name, array in StringTable.of(texts).arrays("titles").items():
        np.save(tmp_path / f"{name}.npy", array)
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in tmp_path.iterdir()}
    table = StringTable.from_arrays(arrays, "titles")
    assert list(table) == texts
    assert np.shares_memory(table.offsets, arrays["titles.offsets"])


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_outside_the_table_is_refused_even_minus_one(index: int) -> None:
    with pytest.raises(IndexError, match=f"string {index} of a table of 2"):
        StringTable.of(["a", "b"])[index]


def test_a_lone_surrogate_cannot_be_stored_but_can_be_looked_for() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        StringTable.of(["\ud800"])
    assert not StringTable.of(["a"]).matches("\ud800").any()


@pytest.mark.parametrize(
    ("offsets", "complaint"),
    [
        (np.array([0, 5]), "must rise from 0 to 3"),
        (np.array([1, 3]), "must rise from 0 to 3"),
        (np.array([0, 2, 1, 3]), "must rise from 0 to 3"),
        (np.array([], np.int64), "must rise from 0 to 3"),
        (np.array([0, 3], np.int32), "is int32 of 1 dimensions, expected int64 of 1"),
    ],
)
def test_offsets_that_do_not_cut_the_blob_are_refused(offsets: np.ndarray, complaint: str) -> None:
    arrays = {"t.blob": np.zeros(3, np.uint8), "t.offsets": offsets}
    with pytest.raises(ValueError, match=complaint):
        StringTable.from_arrays(arrays, "t")


def test_a_missing_array_is_named_with_those_that_are_there() -> None:
    with pytest.raises(ValueError, match=r"no array 't\.offsets' among: t\.blob"):
        StringTable.from_arrays({"t.blob": np.zeros(0, np.uint8)}, "t")
