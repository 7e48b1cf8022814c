"""Nearest texts by cosine, over the embeddings of the catalog's distinct texts.

Small catalogs are searched exactly. Of larger ones each vector has a sketch as well, one bit a dimension: RaBitQ (Gao
and Long, SIGMOD 2024). From sketches all cosines are estimated in a few machine instructions each, and only the vectors
that may be among the nearest by their estimates are compared. The files are memory-mapped: worker processes share their
pages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import structlog

from endcap.bundle.folder import BundleError
from endcap.strategies.text.device import GPU_LIMIT, Device, gpu_vectors
from endcap.strategies.text.nearest import compare, compare_best, unpack
from endcap.strategies.text.scan import estimated

VECTORS_NAME, SKETCH_NAME = "vectors.npy", "sketch.json"
GRAPH_NAME = "texts.faiss"
"""What bundles had before; it is not read."""
SKETCH_ARRAYS: Final = ("codes", "scales", "offsets", "centre", "signs")

FEW: Final = 32
"""The estimates of so many vectors take the time of one comparison."""
USUAL: Final = 300
"""As many nearest as recall asks for at most, but for a shop's own strategies."""
ANY_NUMBER: Final = 2**31
"""Of vectors to compare: what bundles without a limit have."""
COMPARED: Final = 2
"""A search by sketches compares about so many times as many vectors as are wanted."""

Vector = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

_ALL: Final = np.empty(0, np.bool_)
log = structlog.get_logger("endcap.text")


@dataclass(frozen=True, eq=False)
class Sketches:
    """What n vectors are searched by. A vector less the mean of all is turned (see ``scan.turn``), and its sketch says
    which of the numbers are above 0."""

    codes: npt.NDArray[np.uint8]
    """uint8[blocks, D / 8, 64]: bits of 64 vectors side by side, the first dimension lowest."""
    scales: Vector
    """float32[64 * blocks]: what a query's product with a sketch of 1 and -1 is to be multiplied by."""
    offsets: Vector
    """float32[64 * blocks]: the vectors' products with the mean; minus infinity where there is none."""
    centre: Vector
    """float32[d]: the mean."""
    signs: Vector
    """float32[D], 1 and -1, D a multiple of 64."""
    margin: float
    """How far an estimate below the last of the nearest may lie for the vector to be compared."""
    most: int
    """About so many vectors are compared at most, for the USUAL nearest or fewer, and in proportion for more. A search
    that is near nothing has far more within the margin, of which none is nearer than chance would have it."""

    @staticmethod
    def open(folder: Path) -> Sketches | None:
        """None where the catalog is small, or the bundle older than sketches."""
        if not (folder / SKETCH_NAME).is_file():
            return None
        content: Mapping[str, Any] = json.loads((folder / SKETCH_NAME).read_text(encoding="utf-8"))
        arrays = {name: _mapped(folder / f"sketch.{name}.npy") for name in SKETCH_ARRAYS}
        most = int(content.get("most", ANY_NUMBER))
        return Sketches(margin=float(content["margin"]), most=most, **arrays)

    def estimates(self, vector: Vector, allowed: Mask | None = None) -> Vector:
        """float32[64 * blocks]: the cosines with ``vector``; minus infinity for what is not allowed."""
        mask = _ALL if allowed is None else allowed
        found: Vector = estimated(self.codes, self.scales, self.offsets, self.centre, self.signs, vector, mask)
        return found


class TextIndex:
    """The index of n vectors of d dimensions; a vector's number is its row in what the index was built from.

    Safe to share between threads. A search computes on its caller's thread alone.
    """

    def __init__(self, vectors: Vector, sketches: Sketches | None = None, device: Device = "cpu") -> None:
        self._vectors = vectors
        self._sketches = sketches
        self._gpu = gpu_vectors(vectors, device)

    @staticmethod
    def open(folder: Path, device: Device = "cpu") -> TextIndex:
        """Raises BundleError where a file is missing or unreadable."""
        vectors, sketches = _mapped(folder / VECTORS_NAME), Sketches.open(folder)
        if sketches is None and (folder / GRAPH_NAME).is_file():
            log.warning(
                "all texts are compared in every search", reason="the bundle is older than sketches: train again"
            )
        return TextIndex(vectors, sketches, device)

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def dimension(self) -> int:
        return int(self._vectors.shape[1])

    @property
    def kind(self) -> str:
        """``"flat"`` or ``"sketch"``."""
        return "sketch" if self._sketches else "flat"

    def exact(self) -> TextIndex:
        """The same vectors, all of them compared in every search."""
        return TextIndex(self._vectors)

    def search(self, vector: Vector, limit: int, allowed: Mask | None = None) -> tuple[Numbers, Vector]:
        """(numbers int32[k], cosines float32[k]) of the nearest to ``vector`` (float32[d], unit length).

        Cosines fall; equal ones go by number. ``allowed`` (bool[n]) is applied before the cut, so k is ``limit`` or as
        many as are allowed, if that is fewer. Raises ValueError for a vector or mask of another shape, or a vector that
        isn't finite.
        """
        self._check(vector, allowed)
        count = len(self) if allowed is None else int(np.count_nonzero(allowed))
        limit = min(limit, count)
        if limit <= 0:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        if count == len(self):
            allowed = None
        if self._gpu is not None and allowed is None and limit <= GPU_LIMIT:
            return self._gpu.search(vector, limit)
        keys = self._keys(np.ascontiguousarray(vector, np.float32), limit, count, allowed)
        keys.sort()
        numbers, cosines = np.empty(limit, np.int32), np.empty(limit, np.float32)
        unpack(keys, numbers, cosines)
        return numbers, cosines

    def _keys(self, vector: Vector, limit: int, count: int, allowed: Mask | None) -> npt.NDArray[np.uint64]:
        """Of at least ``limit`` vectors, in no order; see ``scan.compare``."""
        if self._sketches is None or count <= len(self) / FEW + COMPARED * limit:
            rows = np.arange(count, dtype=np.int32) if allowed is None else np.flatnonzero(allowed).astype(np.int32)
            found = compare(self._vectors, vector, limit, rows)
        else:
            estimates = self._sketches.estimates(vector, allowed)
            sketches = self._sketches
            most = sketches.most * max(limit, USUAL) // USUAL
            found = compare_best(self._vectors, vector, limit, estimates, sketches.margin, most)
        return np.asarray(found)

    def _check(self, vector: Vector, allowed: Mask | None) -> None:
        if vector.shape != (self.dimension,):
            raise ValueError(f"vector has shape {vector.shape}, expected ({self.dimension},) as in the index")
        if not np.isfinite(vector).all():
            raise ValueError("vector holds NaN or infinite numbers, expected finite ones")
        if allowed is not None and allowed.shape != (len(self),):
            raise ValueError(f"allowed has shape {allowed.shape}, expected ({len(self)},): one value a text")


def _mapped(path: Path) -> Any:
    """An array, memory-mapped read-only. Raises BundleError where it cannot be read."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    except FileNotFoundError as error:
        raise BundleError(f"no index of texts in {path.parent}: expected a file {path.name}") from error
    except (OSError, ValueError, EOFError) as error:
        raise BundleError(f"{path} is not an array that NumPy reads: {error}") from error
