"""Nearest texts by cosine: FAISS over the embeddings of the catalog's distinct texts.

Small catalogs are searched exactly (flat inner product). Larger ones by HNSW (Malkov & Yashunin, 2018), whose index
keeps the plain vectors too, so that a narrow filter can still be answered exactly. The file is memory-mapped: worker
processes share its pages.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from endcap.bundle.folder import BundleError
from endcap.strategies.text import native
from endcap.strategies.text.device import GPU_LIMIT, Device, gpu_vectors

INDEX_NAME, GATES_NAME = "texts.faiss", "texts.json"

GATES: Final = (50, 300)
"""Training chooses an efSearch for searches up to each of these limits, by their recall; wider ones visit more."""

EXACT_PER_EF: Final = 16
"""A graph search visits a node in the time in which an exact one compares this many vectors (measured, d = 384)."""

Vector = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


class TextIndex:
    """The index of n vectors of d dimensions; a vector's number is its row in what the index was built from.

    Safe to share between threads. A search computes on its caller's thread alone.
    """

    def __init__(self, index: Any, device: Device = "cpu", gates: Mapping[int, int] | None = None) -> None:
        """``gates``: efSearch by the largest limit that it is for; without, the graph's own for all."""
        self._faiss = native.faiss()
        self._index = index
        self._graph = isinstance(index, self._faiss.IndexHNSW)
        self._flat = self._faiss.downcast_index(index.storage) if self._graph else index
        own = {GATES[-1]: int(index.hnsw.efSearch)} if self._graph else {}
        self._gates = sorted((gates or own).items())
        self._gpu = gpu_vectors(self._flat, device)

    @staticmethod
    def open(folder: Path, device: Device = "cpu") -> TextIndex:
        """Raises BundleError where the file is missing or unreadable, MissingLibrary where faiss isn't installed."""
        path, faiss = folder / INDEX_NAME, native.faiss()
        if not path.is_file():
            raise BundleError(f"no text index in {folder}: expected a file {INDEX_NAME}")
        try:
            # The plain IO_FLAG_MMAP maps inverted lists only and would copy these vectors into each process.
            return TextIndex(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC), device, _gates(folder))
        except RuntimeError as error:
            raise BundleError(f"{path} is not an index that faiss {faiss.__version__} reads: {error}") from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    @property
    def kind(self) -> str:
        """``"flat"`` or ``"hnsw"``."""
        return "hnsw" if self._graph else "flat"

    def exact(self) -> TextIndex:
        """The same vectors, all of them compared in every search; good as long as this index is there."""
        return TextIndex(self._flat)

    def search(self, vector: Vector, limit: int, allowed: Mask | None = None) -> tuple[Numbers, Vector]:
        """(numbers int32[k], cosines float32[k]) of the nearest to ``vector`` (float32[d], unit length).

        Cosines fall; equal ones go by number. ``allowed`` (bool[n]) is applied before the cut, so k is ``limit`` or as
        many as are allowed, if that is fewer; a graph search may, rarely, find fewer. Raises ValueError for a vector
        or mask of another shape, or a vector that isn't finite.
        """
        self._check(vector, allowed)
        count = len(self) if allowed is None else int(np.count_nonzero(allowed))
        limit = min(limit, count)
        if limit <= 0:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        query = np.ascontiguousarray(vector[None], np.float32)
        if self._gpu is not None and count == len(self) and limit <= GPU_LIMIT:
            cosines, numbers = self._gpu.search(query, limit)
            return _ranked(numbers[0], cosines[0])
        index, parameters = self._plan(limit, count, None if count == len(self) else allowed)
        with native.one_faiss_thread():
            cosines, numbers = index.search(query, limit, params=parameters)
        return _ranked(numbers[0], cosines[0])

    def _plan(self, limit: int, count: int, allowed: Mask | None) -> tuple[Any, Any]:
        """The index to search, and its parameters, for the ``limit`` nearest of ``count`` allowed vectors."""
        # faiss before 1.15 keeps a selector alive only if it comes through the constructor.
        named = {} if allowed is None else {"sel": self._selector(allowed)}
        ef = self._ef(limit) * len(self) / count
        if not self._graph or count <= EXACT_PER_EF * ef:
            return self._flat, self._faiss.SearchParameters(**named)
        return self._index, self._faiss.SearchParametersHNSW(efSearch=math.ceil(ef), **named)

    def _ef(self, limit: int) -> float:
        """So many nodes a graph search visits where all are allowed. Of these only the allowed share can be found: the
        narrower a filter, the longer the search."""
        if not self._gates:
            return 0.0
        most, ef = next((gate for gate in self._gates if limit <= gate[0]), self._gates[-1])
        return max(1.0, limit / most) * ef

    def _selector(self, allowed: Mask) -> Any:
        return self._faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))

    def _check(self, vector: Vector, allowed: Mask | None) -> None:
        if vector.shape != (self.dimension,):
            raise ValueError(f"vector has shape {vector.shape}, expected ({self.dimension},) as in the index")
        if not np.isfinite(vector).all():
            raise ValueError("vector holds NaN or infinite numbers, expected finite ones")
        if allowed is not None and allowed.shape != (len(self),):
            raise ValueError(f"allowed has shape {allowed.shape}, expected ({len(self)},): one value a text")


def _gates(folder: Path) -> dict[int, int] | None:
    """None of a bundle that was written before there was more than one."""
    path = folder / GATES_NAME
    if not path.is_file():
        return None
    return {int(limit): int(ef) for limit, ef in json.loads(path.read_text(encoding="utf-8")).items()}


def _ranked(numbers: npt.NDArray[np.int64], cosines: Vector) -> tuple[Numbers, Vector]:
    """Without FAISS's padding (number -1), cosines falling, equal ones by number."""
    found = numbers >= 0
    numbers, cosines = numbers[found], cosines[found]
    order = np.lexsort((numbers, -cosines))
    return numbers[order].astype(np.int32), cosines[order].astype(np.float32)
