from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from endcap.bundle.folder import BundleError
from endcap.strategies.text.index import TextIndex
from endcap.training.text.index import build_index

Floats = npt.NDArray[np.float32]


def unit_vectors(count: int, dimension: int, seed: int = 0) -> Floats:
    """float32[count, dimension] in clusters, as titles are."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(max(1, count // 20), dimension))
    vectors = centres[random.integers(0, len(centres), count)] + 0.4 * random.normal(size=(count, dimension))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def vectors() -> Floats:
    return unit_vectors(12_000, 48)


@pytest.fixture(scope="module")
def folder(vectors: Floats, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sketched")
    assert build_index(vectors, folder).kind == "sketch"
    return folder


@pytest.fixture(scope="module")
def index(folder: Path) -> TextIndex:
    return TextIndex.open(folder)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 2**32), st.floats(0, 1))
def test_a_flat_search_finds_what_comparing_all_finds(
    tmp_path_factory: pytest.TempPathFactory, count: int, limit: int, seed: int, share: float
) -> None:
    vectors, folder = unit_vectors(count, 8, seed), tmp_path_factory.mktemp("flat")
    build_index(vectors, folder)
    query = unit_vectors(1, 8, seed + 1)[0]
    allowed = np.random.default_rng(seed).random(count) < share
    numbers, cosines = TextIndex.open(folder).search(query, limit, allowed)
    expected = np.flatnonzero(allowed)[np.argsort(-(vectors @ query)[allowed], kind="stable")][:limit]
    assert numbers.dtype == np.int32
    assert cosines.dtype == np.float32
    np.testing.assert_allclose(cosines, (vectors @ query)[expected], atol=1e-5)
    np.testing.assert_allclose((vectors @ query)[numbers], cosines, atol=1e-5)
    assert allowed[numbers].all()


def test_equal_cosines_go_by_number(tmp_path: Path) -> None:
    vectors = np.tile(np.eye(2, dtype=np.float32), (4, 1))
    build_index(vectors, tmp_path)
    numbers, cosines = TextIndex.open(tmp_path).search(vectors[1], 8)
    assert numbers.tolist() == [1, 3, 5, 7, 0, 2, 4, 6]
    assert cosines.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_nothing_is_found_where_nothing_is_asked_or_allowed(index: TextIndex, vectors: Floats) -> None:
    for limit, allowed in ((0, None), (5, np.zeros(len(vectors), np.bool_))):
        numbers, cosines = index.search(vectors[0], limit, allowed)
        assert len(numbers) == len(cosines) == 0


def test_more_than_there_is_gives_all_without_padding(index: TextIndex, vectors: Floats) -> None:
    numbers, _ = index.search(vectors[0], 10**6)
    assert sorted(numbers) == list(range(len(vectors)))


def test_all_can_be_compared_where_there_are_sketches(index: TextIndex, vectors: Floats) -> None:
    exact = index.exact()
    for query in vectors[::500]:
        nearest = np.argsort(-(vectors @ query), kind="stable")[:50]
        np.testing.assert_allclose(exact.search(query, 50)[1], (vectors @ query)[nearest], atol=1e-5)


@pytest.mark.parametrize("limit", [10, 100, 300, 1000])
@pytest.mark.parametrize("share", [1.0, 0.9, 0.6, 0.3, 0.01])
def test_sketches_find_nearly_what_comparing_all_finds_however_narrow_the_filter(
    index: TextIndex, vectors: Floats, limit: int, share: float
) -> None:
    random = np.random.default_rng(3)
    allowed = random.random(len(vectors)) < share
    found = []
    for query in vectors[random.integers(0, len(vectors), 20)]:
        numbers, cosines = index.search(query, limit, allowed)
        nearest = np.flatnonzero(allowed)[np.argsort(-(vectors @ query)[allowed])][:limit]
        assert allowed[numbers].all()
        assert (np.diff(cosines) <= 0).all()
        found.append(np.isin(nearest, numbers).mean())
    assert np.mean(found) >= 0.98


def test_a_vector_or_mask_of_another_shape_is_refused(index: TextIndex, vectors: Floats) -> None:
    with pytest.raises(ValueError, match=r"vector has shape \(3,\), expected \(48,\)"):
        index.search(np.zeros(3, np.float32), 5)
    with pytest.raises(ValueError, match=r"allowed has shape \(7,\), expected \(12000,\)"):
        index.search(vectors[0], 5, np.ones(7, np.bool_))
    with pytest.raises(ValueError, match="NaN"):
        index.search(np.full(48, np.nan, np.float32), 5)


def test_a_bundle_from_before_there_were_sketches_is_searched_exactly_and_the_log_says_so(
    tmp_path: Path, vectors: Floats
) -> None:
    np.save(tmp_path / "vectors.npy", vectors)
    (tmp_path / "texts.faiss").write_bytes(b"a graph")
    with capture_logs() as logs:
        old = TextIndex.open(tmp_path)
    assert [entry["reason"] for entry in logs] == ["the bundle is older than sketches: train again"]
    assert old.kind == "flat"
    nearest = np.argsort(-(vectors @ vectors[7]), kind="stable")[:50]
    np.testing.assert_allclose(old.search(vectors[7], 50)[1], (vectors @ vectors[7])[nearest], atol=1e-5)


@pytest.mark.parametrize("name", ["vectors.npy", "sketch.codes.npy"])
@pytest.mark.parametrize("content", [None, b"", b"no array at all, but long enough to have a header"])
def test_a_missing_or_broken_file_is_named(tmp_path: Path, folder: Path, name: str, content: bytes | None) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BundleError, match=name):
        TextIndex.open(tmp_path)


SEARCHES = """
import os, sys
from pathlib import Path
import numpy as np
from endcap.strategies.text.index import TextIndex

def private_kib():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))

before, tasks = private_kib(), len(os.listdir("/proc/self/task"))
index = TextIndex.open(Path(sys.argv[1]))
mask = np.arange(len(index)) % 2 == 0
for vector in np.eye(index.dimension, dtype=np.float32)[:20]:
    index.search(vector, 300)
    index.search(vector, 300, mask)
print(private_kib() - before, len(os.listdir("/proc/self/task")) - tasks)
"""


@pytest.mark.parametrize("flat_up_to", [10**6, 100])
def test_another_process_shares_the_indexs_pages_and_starts_no_threads(tmp_path: Path, flat_up_to: int) -> None:
    build_index(unit_vectors(40_000, 128), tmp_path, flat_up_to=flat_up_to)
    for path in tmp_path.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())  # a page that the disk doesn't have yet counts as private to whoever maps it
    environment = {**os.environ, "OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", SEARCHES, tmp_path], env=environment, capture_output=True, text=True, check=True
    )
    private_kib, threads = map(int, ran.stdout.split())
    assert private_kib * 1024 < sum(path.stat().st_size for path in tmp_path.iterdir()) / 10
    assert threads == 0
