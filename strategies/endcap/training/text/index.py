"""Building the index of text vectors: exact while that is fast, by sketches beyond, which find what exact finds.

Byte for byte the same for the same vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from endcap.bundle.writer import PartWriter
from endcap.strategies.text import native
from endcap.strategies.text.index import SKETCH_ARRAYS, SKETCH_NAME, VECTORS_NAME, Sketches, TextIndex
from endcap.strategies.text.scan import LANES, turn
from endcap.training.progress import Progress, silent

Vectors = npt.NDArray[np.float32]

FLAT_UP_TO = 2_000
"""Vectors of d = 384 that an exact search compares in about 0.2 ms on one core."""

LEAST_RECALL = 0.99
LIMITS = (10, 50, 300)
"""So many nearest are asked for when the margin is chosen: at each of these, enough must be found."""
PROBES = 300
SPREADS, WIDER = 0.5, 1.25
"""The first margin that is tried, in standard deviations of an estimate, and how much wider the next one is."""
ROUNDING = 1e-5
"""By how much one cosine may differ where it is added up in another order."""
WHOLE = 64
"""Dimensions are filled up to a multiple of this, so that each is turned with as many others."""
STEP = 8_192


@dataclass(frozen=True)
class IndexReport:
    kind: Literal["flat", "sketch"]
    vectors: int
    dimension: int
    recall: float
    """Share of the exact nearest that a search finds, the lowest of limits 10, 50 and 300, over 300 made-up queries; 1
    where the search is exact."""
    margin: float
    """See Sketches; 0 where the search is exact."""


def build_index(
    vectors: Vectors, folder: Path, *, flat_up_to: int = FLAT_UP_TO, progress: Progress = silent
) -> IndexReport:
    """Writes ``vectors`` (float32[n, d], unit length) and what they are searched by into ``folder``.

    Raises ValueError where the vectors have another shape or length, or hold NaN.
    """
    vectors = _checked(vectors)
    np.save(folder / VECTORS_NAME, vectors, allow_pickle=False)
    count, dimension = vectors.shape
    if count <= flat_up_to:
        return IndexReport("flat", count, dimension, 1.0, 0.0)
    recall, sketches = _wide_enough(vectors, _sketched(vectors, progress))
    _write(sketches, PartWriter(folder))
    return IndexReport("sketch", count, dimension, round(recall, 4), sketches.margin)


def _checked(vectors: Vectors) -> Vectors:
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise ValueError(f"vectors have shape {vectors.shape}, expected (texts, dimension)")
    lengths = np.linalg.norm(vectors, axis=1)
    if not (np.abs(lengths - 1) < 1e-2).all():  # NaN fails this too
        row = int(np.argmin(np.abs(lengths - 1) < 1e-2))
        raise ValueError(f"vector {row} has length {lengths[row]:.3f}, expected 1: normalise the vectors first")
    return np.ascontiguousarray(vectors, np.float32)


def _sketched(vectors: Vectors, progress: Progress) -> Sketches:
    """Without a margin yet."""
    count, size = vectors.shape
    width, blocks = -(-size // WHOLE) * WHOLE, -(-count // LANES)
    centre = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    signs = np.random.default_rng(0).choice(np.array([-1, 1], np.float32), width)
    bits = np.zeros((blocks * LANES, width // 8), np.uint8)
    scales, offsets = np.zeros(blocks * LANES, np.float32), np.full(blocks * LANES, -np.inf, np.float32)
    for rows in _steps(count, progress):
        turned = np.empty((len(vectors[rows]), width), np.float32)
        turn(vectors[rows] - centre, signs, turned)
        bits[rows] = np.packbits(turned > 0, axis=1, bitorder="little")
        scales[rows] = np.square(turned).sum(axis=1) / np.maximum(np.abs(turned).sum(axis=1), 1e-30)
        offsets[rows] = np.einsum("rd,d->r", vectors[rows], centre)
    codes = np.ascontiguousarray(bits.reshape(blocks, LANES, -1).transpose(0, 2, 1))
    return Sketches(codes, scales, offsets, centre, signs, 0.0)


def _steps(count: int, progress: Progress) -> Iterator[slice]:
    for start in range(0, count, STEP):
        progress("indexing texts", start, count)
        yield slice(start, min(start + STEP, count))
    progress("indexing texts", count, count)


def _wide_enough(vectors: Vectors, sketches: Sketches) -> tuple[float, Sketches]:
    """The recall, and the sketches with the least margin tried that reaches it: a margin as wide as cosines are far
    apart would find all."""
    probes = _probes(vectors)
    exact = _exact(vectors, probes)
    margin = SPREADS * _spread(vectors, sketches, probes)
    while True:
        sketches = replace(sketches, margin=round(margin, 6))
        index = TextIndex(vectors, sketches)
        recall = min(_recall(index, probes, exact, limit) for limit in LIMITS)
        if recall >= LEAST_RECALL:
            return recall, sketches
        margin *= WIDER


def _exact(vectors: Vectors, probes: Vectors) -> Vectors:
    """float32[probes, k]: the highest cosines of each, by FAISS, which compares all vectors with all probes at once."""
    faiss: Any = native.faiss()
    cosines, _ = faiss.knn(probes, vectors, min(LIMITS[-1], len(vectors)), faiss.METRIC_INNER_PRODUCT)
    return np.asarray(cosines)


def _spread(vectors: Vectors, sketches: Sketches, probes: Vectors) -> float:
    """The standard deviation of the estimates' errors, over some pairs of a probe and a vector."""
    some = np.arange(0, len(vectors), max(len(vectors) // STEP, 1))
    errors = [sketches.estimates(probe)[some] - vectors[some] @ probe for probe in probes[::10]]
    return max(float(np.std(errors)), 1e-4)


def _recall(index: TextIndex, probes: Vectors, exact: Vectors, limit: int) -> float:
    """By cosines, not by numbers: of texts that are equally near, any will do (Aumueller, Bernhardsson and Faithfull,
    ANN-Benchmarks, 2020)."""
    last = exact[:, min(limit, exact.shape[1]) - 1] - ROUNDING
    shares = [np.mean(index.search(probe, limit)[1] >= least) for probe, least in zip(probes, last, strict=True)]
    return float(np.mean(shares))


def _probes(vectors: Vectors) -> Vectors:
    """Queries as shops get them: half near one text, half between two, whose nearest are less near."""
    random = np.random.default_rng(0)
    first, second = vectors[random.integers(0, len(vectors), (2, PROBES))]
    share = np.where(np.arange(PROBES) % 2, 0.5, 0.9)[:, None]
    between = share * first + (1 - share) * second
    return np.asarray(between / np.maximum(np.linalg.norm(between, axis=1, keepdims=True), 1e-9), np.float32)


def _write(sketches: Sketches, part: PartWriter) -> None:
    part.arrays({f"sketch.{name}": getattr(sketches, name) for name in SKETCH_ARRAYS})
    part.json(SKETCH_NAME.removesuffix(".json"), {"margin": sketches.margin})
