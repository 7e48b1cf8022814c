"""Building the index of text vectors: exact while that is fast, by sketches beyond, which find what exact finds.

Byte for byte the same for the same vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from endcap.bundle.writer import PartWriter
from endcap.strategies.text import native
from endcap.strategies.text.index import (
    ANY_NUMBER,
    SKETCH_ARRAYS,
    SKETCH_NAME,
    USUAL,
    VECTORS_NAME,
    Sketches,
    TextIndex,
)
from endcap.strategies.text.scan import LANES, turn
from endcap.training.progress import Progress, silent

Vectors = npt.NDArray[np.float32]

FLAT_UP_TO = 2_000
"""Vectors of d = 384 that an exact search compares in about 0.2 ms on one core."""

LEAST_RECALL, LEAST_OF_VAGUE = 0.99, 0.97
LIMITS = (10, 50, USUAL)
"""So many nearest are asked for when the margin is chosen: at each of these, enough must be found."""
VAGUE = 0.6
"""Cosine of a vague query and the text that it is of."""
PROBES, SEVERAL = 300, 10
FEWEST = 1_024
"""Vectors that a search may compare at most: the first number that is tried, and then twice as many."""
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
    most: int
    """Vectors that a search compares at most, about."""


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
        return IndexReport("flat", count, dimension, 1.0, 0.0, count)
    recall, sketches = _wide_enough(vectors, _sketched(vectors, progress))
    _write(sketches, PartWriter(folder))
    return IndexReport("sketch", count, dimension, round(recall, 4), sketches.margin, sketches.most)


def _checked(vectors: Vectors) -> Vectors:
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise ValueError(f"vectors have shape {vectors.shape}, expected (texts, dimension)")
    lengths = np.linalg.norm(vectors, axis=1)
    if not (np.abs(lengths - 1) < 1e-2).all():  # NaN fails this too
        row = int(np.argmin(np.abs(lengths - 1) < 1e-2))
        raise ValueError(f"vector {row} has length {lengths[row]:.3f}, expected 1: normalise the vectors first")
    return np.ascontiguousarray(vectors, np.float32)


def _sketched(vectors: Vectors, progress: Progress) -> Sketches:
    """Without a margin yet, or a limit."""
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
    return Sketches(codes, scales, offsets, centre, signs, 0.0, ANY_NUMBER)


def _steps(count: int, progress: Progress) -> Iterator[slice]:
    for start in range(0, count, STEP):
        progress("indexing texts", start, count)
        yield slice(start, min(start + STEP, count))
    progress("indexing texts", count, count)


def _wide_enough(vectors: Vectors, sketches: Sketches) -> tuple[float, Sketches]:
    """The recall, and the sketches with the least margin tried that passes the gate, then with the least number of
    vectors compared: a margin as wide as cosines are far apart would find all."""
    gate = _Gate.of(vectors)
    sketches = replace(sketches, margin=SPREADS * _spread(vectors, sketches, gate.near))
    while not gate.passed(sketches):
        sketches = replace(sketches, margin=WIDER * sketches.margin)
    sketches = replace(sketches, margin=round(sketches.margin, 6), most=FEWEST)
    while not gate.passed(sketches) and sketches.most < len(vectors):
        sketches = replace(sketches, most=2 * sketches.most)
    return gate.recall(sketches, gate.near), sketches


class _Gate(NamedTuple):
    """Made-up queries, and what exact search finds."""

    vectors: Vectors
    near: _Asked
    """Made of the catalog's texts."""
    vague: _Asked
    """With more in them that the catalog has not."""

    @staticmethod
    def of(vectors: Vectors) -> _Gate:
        near, vague = _probes(vectors)
        return _Gate(vectors, _Asked(near, _exact(vectors, near)), _Asked(vague, _exact(vectors, vague)))

    def passed(self, sketches: Sketches) -> bool:
        found = self.recall(sketches, self.near), self.recall(sketches, self.vague)
        return found[0] >= LEAST_RECALL and found[1] >= LEAST_OF_VAGUE

    def recall(self, sketches: Sketches, asked: _Asked) -> float:
        """The lowest of LIMITS."""
        index = TextIndex(self.vectors, sketches)
        return min(_recall(index, asked, limit) for limit in LIMITS)


class _Asked(NamedTuple):
    probes: Vectors
    exact: Vectors
    """float32[probes, k]: the highest cosines, falling."""


def _exact(vectors: Vectors, probes: Vectors) -> Vectors:
    """float32[probes, k]: the highest cosines of each, by FAISS, which compares all vectors with all probes at once."""
    faiss: Any = native.faiss()
    cosines, _ = faiss.knn(probes, vectors, min(LIMITS[-1], len(vectors)), faiss.METRIC_INNER_PRODUCT)
    return np.asarray(cosines)


def _spread(vectors: Vectors, sketches: Sketches, asked: _Asked) -> float:
    """The standard deviation of the estimates' errors, over some pairs of a probe and a vector."""
    some = np.arange(0, len(vectors), max(len(vectors) // STEP, 1))
    errors = [sketches.estimates(probe)[some] - vectors[some] @ probe for probe in asked.probes[::10]]
    return max(float(np.std(errors)), 1e-4)


def _recall(index: TextIndex, asked: _Asked, limit: int) -> float:
    """By cosines, not by numbers: of texts that are equally near, any will do (Aumueller, Bernhardsson and Faithfull,
    ANN-Benchmarks, 2020)."""
    last = asked.exact[:, min(limit, asked.exact.shape[1]) - 1] - ROUNDING
    shares = [np.mean(index.search(probe, limit)[1] >= least) for probe, least in zip(asked.probes, last, strict=True)]
    return float(np.mean(shares))


def _probes(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Queries as shops get them. Of the first, a third each is near one text, between two, whose nearest are less near,
    and amid several, as what a shopper chose lately is. The others point mostly away from the catalog: what people type
    reads unlike a title."""
    random = np.random.default_rng(0)
    shares = np.zeros((3, SEVERAL), np.float32)
    shares[0, :2], shares[1, :2], shares[2] = (0.9, 0.1), 0.5, 1 / SEVERAL
    drawn = vectors[random.integers(0, len(vectors), (PROBES, SEVERAL))]
    near = np.einsum("ps,psd->pd", shares[np.arange(PROBES) % len(shares)], drawn)
    away = _unit(random.normal(size=(PROBES // 3, vectors.shape[1])))
    return _unit(near), _unit(VAGUE * drawn[: len(away), 0] + (1 - VAGUE**2) ** 0.5 * away)


def _unit(vectors: npt.NDArray[Any]) -> Vectors:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


def _write(sketches: Sketches, part: PartWriter) -> None:
    part.arrays({f"sketch.{name}": getattr(sketches, name) for name in SKETCH_ARRAYS})
    part.json(SKETCH_NAME.removesuffix(".json"), {"margin": sketches.margin, "most": sketches.most})
