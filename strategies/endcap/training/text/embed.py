"""The catalog's texts to vectors, on all cores."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from endcap.strategies.text.encoder import Encoder, Numbers, Vectors
from endcap.training.progress import Progress, silent


def embed_texts(
    folder: Path, texts: Sequence[str], progress: Progress = silent, *, threads: int | None = None
) -> Vectors:
    """float32[n, d], unit length, of ``texts`` by the encoder that was exported into ``folder``.

    Equal texts are embedded once. ``threads`` defaults to the cores this process may use; their number doesn't
    change the result.
    """
    distinct = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    encoder, done = Encoder.open(folder, cache_size=0), 0
    vectors = np.empty((len(distinct), encoder.dimension), np.float32)
    for rows, batch in _spread(encoder, list(distinct), threads or len(os.sched_getaffinity(0))):
        vectors[rows] = batch
        done += len(rows)
        progress("embedding texts", done, len(distinct))
    return vectors[[distinct[text] for text in texts]]


def _spread(encoder: Encoder, texts: list[str], threads: int) -> Iterator[tuple[Numbers, Vectors]]:
    """(rows, vectors) a batch. Each batch is computed by one thread, so their number leaves the result as it is."""
    batches = list(encoder.batches(texts))
    pool = ThreadPoolExecutor(threads)
    try:
        results = pool.map(lambda batch: encoder.run(batch.ids, batch.mask), batches)
        yield from ((batch.rows, vectors) for batch, vectors in zip(batches, results, strict=True))
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C must not wait for what is left
