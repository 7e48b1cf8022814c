"""Query vectors in a file: found again, never wrong, bounded."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endcap.strategies.text.kept import FILES, WAYS, KeptVectors, Vector

DIMENSION = 8


def vector_of(text: str) -> Vector:
    """Any vector that tells its text."""
    return np.random.default_rng(list(text.encode(errors="surrogatepass"))).normal(size=DIMENSION).astype(np.float32)


def opened(folder: Path, slots: int = 64, name: str = "encoder") -> KeptVectors:
    return KeptVectors.open(folder, name, DIMENSION, slots)


def file_in(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


@given(st.lists(st.text(max_size=20) | st.sampled_from(["", "\ud800"]), max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_found_is_what_was_put(tmp_path: Path, texts: list[str]) -> None:
    kept = opened(tmp_path)
    for text in texts:
        kept.put(text, vector_of(text))
        np.testing.assert_array_equal(kept.get(text), vector_of(text))
    for text in texts:
        found = kept.get(text)
        assert found is None or (found == vector_of(text)).all()
    kept.close()


def test_another_process_and_a_later_one_find_it_too(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    first.put("tea", vector_of("tea"))
    np.testing.assert_array_equal(second.get("tea"), vector_of("tea"))
    assert opened(tmp_path).get("coffee") is None


def test_another_encoder_and_another_size_have_files_of_their_own(tmp_path: Path) -> None:
    opened(tmp_path).put("tea", vector_of("tea"))
    assert opened(tmp_path, name="other").get("tea") is None
    assert opened(tmp_path, slots=128).get("tea") is None


@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=30)), max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_damaged_file_costs_vectors_and_never_gives_a_wrong_one(
    tmp_path: Path, damages: list[tuple[float, bytes]]
) -> None:
    texts = [f"text {number}" for number in range(40)]
    kept = opened(tmp_path)
    for text in texts:
        kept.put(text, vector_of(text))
    with file_in(tmp_path).open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        for place, data in damages:
            file.seek(int(place * size))
            file.write(data)
    for text in texts:
        found = kept.get(text)
        assert found is None or (found == vector_of(text)).all()
    kept.close()


def test_a_file_cut_short_while_it_is_open_is_empty_there_and_is_filled_again(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.put("tea", vector_of("tea"))
    os.truncate(file_in(tmp_path), 3)
    assert kept.get("tea") is None
    kept.put("tea", vector_of("tea"))
    assert kept.get("tea") is not None


def test_the_file_is_bounded_and_keeps_as_much_as_it_has_room_for(tmp_path: Path) -> None:
    kept = opened(tmp_path, slots=WAYS)
    for number in range(50):
        kept.put(str(number), vector_of(str(number)))
    assert sum(kept.get(str(number)) is not None for number in range(50)) == WAYS
    assert file_in(tmp_path).stat().st_size == WAYS * (20 + 4 * DIMENSION)


def test_many_that_write_at_once_never_make_a_wrong_vector(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(30)] * 20

    def use(text: str) -> bool:
        mine = opened(tmp_path, slots=8)
        mine.put(text, vector_of(text))
        found = mine.get(text)
        mine.close()
        return found is None or bool((found == vector_of(text)).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, texts))


def test_files_of_encoders_that_are_long_gone_are_removed(tmp_path: Path) -> None:
    for number in range(FILES + 3):
        opened(tmp_path, name=str(number)).close()
        os.utime(next(tmp_path.glob(f"{number}-*")), (number, number))
    opened(tmp_path, name=str(FILES + 2)).close()
    assert {path.name[0] for path in tmp_path.iterdir()} == {str(number) for number in range(3, FILES + 3)}


def test_a_folder_that_cannot_be_made_is_an_error_for_whoever_opens_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        opened(tmp_path / "file" / "folder")


def test_a_look_up_of_a_common_vector_takes_at_most_20_microseconds(tmp_path: Path) -> None:
    kept = KeptVectors.open(tmp_path, "encoder", 384)
    kept.put("something for a barbecue", np.ones(384, np.float32))
    spent = []
    for _ in range(300):
        start = time.thread_time()
        kept.get("something for a barbecue")
        spent.append(time.thread_time() - start)
    assert np.median(spent) < 20e-6
