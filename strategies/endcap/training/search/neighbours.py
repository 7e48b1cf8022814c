"""Each text's neighbourhood as one vector: what kind of thing it is, whatever its own words happen to be.

A search is compared with the text and with the mean of the texts nearest to it (Kurland and Lee, Corpus structure,
language models, and ad hoc information retrieval, SIGIR 2004, for vectors).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.writer import BundleWriter
from endcap.strategies.text.index import TextIndex
from endcap.strategies.text.space import NEAR_PART
from endcap.training.progress import Progress, silent

NEAREST = 10
"""The text itself among them."""
EXACT_UP_TO, BLOCK = 50_000, 512


def write_neighbours(writer: BundleWriter, progress: Progress = silent) -> None:
    """The part, from the part ``text``: float16[texts, d], unit length."""
    folder = writer.folder / "text"
    vectors = np.load(folder / "vectors.npy", allow_pickle=False)
    near = np.empty(vectors.shape, np.float16)
    blocks = _exact(vectors) if len(vectors) <= EXACT_UP_TO else _searched(vectors, TextIndex.open(folder))
    start = 0
    for rows in blocks:
        means = vectors[rows].mean(axis=1)
        near[start : start + len(rows)] = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
        start += len(rows)
        progress("comparing texts with each other", start, len(vectors))
    writer.part(NEAR_PART).array("vectors", near)


def _exact(vectors: Array) -> Iterator[Array]:
    """int64[block, NEAREST] each; ties may fall either way."""
    count = min(NEAREST, len(vectors))
    for start in range(0, len(vectors), BLOCK):
        cosines = vectors[start : start + BLOCK] @ vectors.T
        yield np.argpartition(-cosines, count - 1, axis=1)[:, :count]


def _searched(vectors: Array, index: TextIndex) -> Iterator[Array]:
    for vector in vectors:
        numbers = index.search(vector, NEAREST)[0]
        yield numbers[None, :]
