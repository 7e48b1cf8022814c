from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.strategies.text.index import TextIndex
from endcap.training.text.index import IndexReport, Vectors, build_index


def unit_vectors(count: int, dimension: int = 24) -> Vectors:
    vectors = np.random.default_rng(5).normal(size=(count, dimension))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_few_vectors_are_searched_exactly(tmp_path: Path) -> None:
    assert build_index(unit_vectors(500), tmp_path) == IndexReport("flat", 500, 24, 1.0, 0.0, 500)
    assert TextIndex.open(tmp_path).kind == "flat"


def test_many_vectors_are_searched_by_sketches_that_passed_the_gate(tmp_path: Path) -> None:
    report = build_index(unit_vectors(3000), tmp_path)
    assert report.kind == TextIndex.open(tmp_path).kind == "sketch"
    assert 0.99 <= report.recall <= 1
    assert report.margin > 0


@pytest.mark.parametrize("shape", ["alike", "spread", "lopsided", "copies"])
def test_however_vectors_lie_nearly_all_of_the_nearest_are_found(tmp_path: Path, shape: str) -> None:
    build_index(lying(shape)[:6000], tmp_path)
    vectors, probes, index = lying(shape)[:6000], lying(shape)[6000:], TextIndex.open(tmp_path)
    for limit in (10, 50, 300):
        least = np.sort(probes @ vectors.T, axis=1)[:, -limit]
        found = [
            (index.search(probe, limit)[1] >= last - 1e-6).mean() for probe, last in zip(probes, least, strict=True)
        ]
        assert np.mean(found) >= 0.98, limit


def lying(shape: str) -> Vectors:
    """float32[6100, 24]: close to each other, all about, nearly all of it in two dimensions, or each many times."""
    vectors = unit_vectors(6100)
    if shape == "alike":
        vectors = vectors + 3 * vectors[0]
    if shape == "lopsided":
        vectors = vectors * np.array([8.0] * 2 + [1.0] * 22)
    if shape == "copies":
        vectors = np.random.default_rng(1).permutation(np.repeat(vectors[:61], 100, axis=0))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("flat_up_to", [100, 10_000])
def test_building_twice_gives_the_same_bytes(tmp_path: Path, flat_up_to: int) -> None:
    vectors, written = unit_vectors(3000), []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        build_index(vectors, tmp_path / name, flat_up_to=flat_up_to)
        written.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert written[0] == written[1]
    assert ("sketch.codes.npy" in written[0]) == (flat_up_to == 100)


def test_progress_goes_up_to_all_vectors(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    build_index(unit_vectors(9000), tmp_path, progress=lambda step, done=0, total=0: seen.append((done, total)))
    assert seen == [(0, 9000), (8192, 9000), (9000, 9000)]


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros(3, np.float32), r"vectors have shape \(3,\), expected \(texts, dimension\)"),
        (2 * unit_vectors(4), "vector 0 has length 2.000, expected 1"),
        (np.vstack([unit_vectors(2), np.full((1, 24), np.nan)]), "vector 2 has length nan, expected 1"),
    ],
)
def test_vectors_of_another_shape_or_length_are_refused(tmp_path: Path, vectors: Vectors, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_index(vectors, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_empty_catalog_has_an_index_that_finds_nothing(tmp_path: Path) -> None:
    build_index(np.empty((0, 24), np.float32), tmp_path)
    numbers, _ = TextIndex.open(tmp_path).search(unit_vectors(1)[0], 5)
    assert len(numbers) == 0
