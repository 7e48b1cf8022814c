"""Building the index of text vectors: exact while that is fast, a graph beyond, and only if it finds what exact finds.

Byte for byte the same for the same vectors: a graph is built on one thread, because the order in which several would
link its nodes is theirs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from endcap.strategies.text import native
from endcap.strategies.text.index import GATES, GATES_NAME, INDEX_NAME, TextIndex
from endcap.training.progress import Progress, silent

Vectors = npt.NDArray[np.float32]

FLAT_UP_TO = 10_000
"""Vectors of d = 384 that an exact search compares in about 0.6 ms on one core, the budget of recall from text."""

LEAST_RECALL = 0.97
LINKS = 32
EF_CONSTRUCTION = 200
FEWEST = 10
"""Searches for so few must pass each gate as well: those miss the nearest of all."""
EF_SEARCHES = (60, 90, 130, 200, 300, 400, 600, 900, 1200)
PROBES = 300
STEP = 2_000


@dataclass(frozen=True)
class IndexReport:
    kind: Literal["flat", "hnsw"]
    vectors: int
    dimension: int
    recall: float
    """Share of the exact nearest that a search finds, the lowest of limits 10, 50 and 300, over 300 made-up queries; 1
    where the search is exact."""
    ef_searches: dict[int, int]
    """By the largest limit that each is for."""
    note: str
    """Why a graph was given up, or empty."""


def build_index(
    vectors: Vectors, folder: Path, *, flat_up_to: int = FLAT_UP_TO, progress: Progress = silent
) -> IndexReport:
    """Writes ``texts.faiss`` over ``vectors`` (float32[n, d], unit length) into ``folder``.

    Raises ValueError where the vectors have another shape or length, or hold NaN.
    """
    vectors = _checked(vectors)
    if len(vectors) <= flat_up_to:
        return _write(_flat(vectors), folder, 1.0)
    graph = _hnsw(vectors, progress)
    recall, gates = _choose_gates(graph, vectors)
    if recall >= LEAST_RECALL:
        return _write(graph, folder, recall, gates=gates)
    note = f"a graph finds {recall:.3f} of the exact nearest, less than {LEAST_RECALL}: texts are searched exactly"
    return _write(_flat(vectors), folder, 1.0, note)


def _checked(vectors: Vectors) -> Vectors:
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise ValueError(f"vectors have shape {vectors.shape}, expected (texts, dimension)")
    lengths = np.linalg.norm(vectors, axis=1)
    if not (np.abs(lengths - 1) < 1e-2).all():  # NaN fails this too
        row = int(np.argmin(np.abs(lengths - 1) < 1e-2))
        raise ValueError(f"vector {row} has length {lengths[row]:.3f}, expected 1: normalise the vectors first")
    return np.ascontiguousarray(vectors, np.float32)


def _flat(vectors: Vectors) -> Any:
    index = native.faiss().IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index


def _hnsw(vectors: Vectors, progress: Progress) -> Any:
    faiss = native.faiss()
    index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    with native.one_faiss_thread():
        for start in range(0, len(vectors), STEP):
            progress("indexing texts", start, len(vectors))
            index.add(vectors[start : start + STEP])
    progress("indexing texts", len(vectors), len(vectors))
    return index


def _choose_gates(graph: Any, vectors: Vectors) -> tuple[float, dict[int, int]]:
    """For each gate the least efSearch that passes (or the greatest there is), and the lowest recall of these."""
    probes = _probes(vectors)
    _, exact = _flat(vectors).search(probes, GATES[-1])
    passed: dict[int, int] = {}
    recalls = []
    for gate in GATES:
        for ef in EF_SEARCHES:
            index = TextIndex(graph, gates={gate: ef})
            recall = min(_recall(index, probes, exact[:, :limit]) for limit in (FEWEST, gate))
            if recall >= LEAST_RECALL:
                break
        passed[gate], graph.hnsw.efSearch = ef, ef
        recalls.append(recall)
    return min(recalls), passed


def _recall(index: TextIndex, probes: Vectors, exact: npt.NDArray[np.int64]) -> float:
    limit = exact.shape[1]
    shares = [np.isin(row, index.search(probe, limit)[0]).mean() for probe, row in zip(probes, exact, strict=True)]
    return float(np.mean(shares))


def _probes(vectors: Vectors) -> Vectors:
    """Queries as shops get them: half near one text, half between two, which a graph finds harder."""
    random = np.random.default_rng(0)
    first, second = vectors[random.integers(0, len(vectors), (2, PROBES))]
    share = np.where(np.arange(PROBES) % 2, 0.5, 0.9)[:, None]
    between = share * first + (1 - share) * second
    return np.asarray(between / np.maximum(np.linalg.norm(between, axis=1, keepdims=True), 1e-9), np.float32)


def _write(index: Any, folder: Path, recall: float, note: str = "", gates: dict[int, int] | None = None) -> IndexReport:
    native.faiss().write_index(index, str(folder / INDEX_NAME))
    if gates:
        (folder / GATES_NAME).write_text(json.dumps(gates) + "\n", encoding="utf-8")
    read = TextIndex(index)
    kind: Literal["flat", "hnsw"] = "hnsw" if read.kind == "hnsw" else "flat"
    return IndexReport(kind, len(read), read.dimension, round(recall, 4), gates or {}, note)
