from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle import ids as ids_module
from endcap.bundle.ids import IdIndex

IDS = st.lists(st.text(alphabet="ab01é", max_size=4), unique=True, max_size=40)


def one_of_three(encoded: bytes) -> bytes:
    return (sum(encoded) % 3).to_bytes(8, "little")


def assert_every_id_is_found(known: list[str], unknown: list[str]) -> None:
    index = IdIndex.of(known)
    assert len(index) == len(known)
    assert index.numbers(known).tolist() == list(range(len(known)))
    assert [index.number(name) for name in known] == list(range(len(known)))
    assert index.numbers(unknown).tolist() == [-1] * len(unknown)
    assert [index.id(number) for number in range(len(known))] == known


@given(IDS)
def test_an_id_has_the_number_of_its_place_and_strangers_have_none(names: list[str]) -> None:
    assert_every_id_is_found(names[::2], names[1::2])


@given(IDS)
def test_ids_whose_hashes_collide_are_told_apart_by_their_bytes(names: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids_module, "digest", one_of_three)
        assert_every_id_is_found(names[::2], names[1::2])


def test_an_id_may_be_asked_for_twice_and_among_strangers() -> None:
    found = IdIndex.of(["x", "y"]).numbers(["y", "?", "y", "x", "\ud800"])
    assert found.tolist() == [1, -1, 1, 0, -1]
    assert found.dtype == np.int32


@pytest.mark.parametrize("names", [[], [""], ["i1", "i2", "é"]])
def test_an_index_survives_the_disk_and_is_read_without_a_copy(names: list[str], tmp_path: Path) -> None:
    for name, array in IdIndex.of(names).arrays("ids").items():
        np.save(tmp_path / f"{name}.npy", array)
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in tmp_path.iterdir()}
    index = IdIndex.from_arrays(arrays, "ids")
    assert index.numbers([*names, "unknown"]).tolist() == [*range(len(names)), -1]
    assert not names or np.shares_memory(index.hashes, arrays["ids.hashes"])


def test_hashes_are_the_same_in_every_process() -> None:
    from_coreutils = [0xE4A6A0577479B2B4, 0xE4EB9D5AADB5A874]  # printf item-1 | b2sum -l 64
    assert ids_module.hash_ids([b"", b"item-1"]).byteswap().tolist() == from_coreutils


def test_an_id_that_comes_twice_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"2 ids come twice, the first of them 'b'; ids must be unique"):
        IdIndex.of(["a", "b", "b", "c", "a"])


def test_arrays_of_unequal_lengths_are_refused() -> None:
    arrays = IdIndex.of(["a", "b"]).arrays("ids") | {"ids.order": np.zeros(1, np.int32)}
    with pytest.raises(ValueError, match="2 ids, 2 hashes and 1 numbers of them"):
        IdIndex.from_arrays(arrays, "ids")


def test_an_index_that_was_asked_still_goes_to_another_process() -> None:
    index = IdIndex.of(["a", "b", "c"])
    assert index.number("b") == 1
    again = pickle.loads(pickle.dumps(index))  # noqa: S301  # its own
    assert [again.number(name) for name in "abcd"] == [0, 1, 2, -1]
