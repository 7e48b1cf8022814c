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
    assert build_index(unit_vectors(500), tmp_path) == IndexReport("flat", 500, 24, 1.0, {}, "")


def test_many_vectors_are_searched_by_a_graph_that_passed_the_gate(tmp_path: Path) -> None:
    report = build_index(unit_vectors(3000), tmp_path, flat_up_to=2000)
    assert report.kind == TextIndex.open(tmp_path).kind == "hnsw"
    assert report.recall >= 0.97
    assert sorted(report.ef_searches) == [50, 300]
    assert report.ef_searches[50] <= report.ef_searches[300]


def test_few_nearest_are_found_by_visiting_less_of_the_graph_and_still_pass_the_gate(tmp_path: Path) -> None:
    vectors = unit_vectors(6000)
    report = build_index(vectors, tmp_path, flat_up_to=2000)
    index, probes = TextIndex.open(tmp_path), unit_vectors(6200)[6000:]
    exact = np.argsort(-(probes @ vectors.T), axis=1)
    for limit in (10, 50, 300):
        found = [
            np.isin(row[:limit], index.search(probe, limit)[0]).mean() for probe, row in zip(probes, exact, strict=True)
        ]
        assert np.mean(found) >= 0.95, limit
    assert report.ef_searches[50] < report.ef_searches[300]


def test_a_graph_that_loses_too_much_is_given_up_and_the_report_says_so(tmp_path: Path) -> None:
    copies = np.repeat(unit_vectors(20), 150, axis=0)  # more copies of each than a node has links: islands
    report = build_index(copies, tmp_path, flat_up_to=2000)
    assert report.kind == TextIndex.open(tmp_path).kind == "flat"
    assert report.recall == 1
    assert report.note.endswith("less than 0.97: texts are searched exactly")


@pytest.mark.parametrize("flat_up_to", [100, 10_000])
def test_building_twice_gives_the_same_bytes(tmp_path: Path, flat_up_to: int) -> None:
    vectors, written = unit_vectors(3000), []
    for _ in range(2):
        build_index(vectors, tmp_path, flat_up_to=flat_up_to)
        written.append((tmp_path / "texts.faiss").read_bytes())
    assert written[0] == written[1]


def test_progress_goes_up_to_all_vectors(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    build_index(
        unit_vectors(3000), tmp_path, flat_up_to=100, progress=lambda step, done=0, total=0: seen.append((done, total))
    )
    assert seen == [(0, 3000), (2000, 3000), (3000, 3000)]


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
