"""A BERT as machine code reads it, beside the graph: for queries, on CPUs that multiply bytes fast."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from endcap.bundle.folder import Part
from endcap.strategies.text.layers import VNNI, encode, features

PREFIX, SHAPE_NAME = "bert.", "bert.json"
MOST_TOKENS: Final = 24
"""For texts that are longer, ONNX Runtime is as quick (measured: MiniLM of 6 layers, from 32 tokens on)."""
TOGETHER: Final = 24
"""So many tokens of several texts, and no more, go through the weights together: what is gained by another is less
than what the first of them waits longer."""
ROUNDED: Final = 2
"""How the machine code rounds: another number where a text would get another vector, if only by its last steps."""
ARRAYS: Final = ("words", "word_scales", "positions", "norms", "codes", "sums", "scales", "biases")


@dataclass(frozen=True, eq=False)
class Bert:
    """An encoder of L layers, H dimensions and F inside a layer's feed-forward half, in int8 by column."""

    words: npt.NDArray[np.int8]
    """int8[V, H]: a token's embedding, in steps of its own."""
    word_scales: npt.NDArray[np.float32]
    """float32[V]."""
    positions: npt.NDArray[np.float32]
    """float32[P, H]: of each position, and of a text's only segment."""
    norms: npt.NDArray[np.float32]
    """float32[2 L + 1, 2, H]: gain and shift of each normalisation."""
    codes: npt.NDArray[np.int8]
    """Of each layer four matrices: queries, keys and values; what they give; the feed-forward half's two. Of each, 16
    columns after the other; of these, four inputs after the other; of these, column by column."""
    sums: npt.NDArray[np.int32]
    """int32[L, 5 H + F]: what each column has to start from, so that tokens' bytes need no sign."""
    scales: npt.NDArray[np.float32]
    """float32[L, 5 H + F]: the step of each column."""
    biases: npt.NDArray[np.float32]
    """float32[L, 5 H + F]."""
    heads: int
    least: float
    """What is added to a variance, so that nothing is divided by 0."""
    mean: bool
    """Whether a text is the mean of its tokens, or the first of them."""

    @staticmethod
    def open(folder: Path) -> Bert | None:
        """None where the bundle has none, or where this processor would be slower by it."""
        return Bert.read(folder) if computed_here() and (folder / SHAPE_NAME).is_file() else None

    @staticmethod
    def read(folder: Path) -> Bert:
        part = Part(folder)
        arrays: dict[str, Any] = {name: part.array(f"{PREFIX}{name}") for name in ARRAYS}
        shape = json.loads((folder / SHAPE_NAME).read_text(encoding="utf-8"))
        return Bert(**arrays, heads=int(shape["heads"]), least=float(shape["least"]), mean=bool(shape["mean"]))

    def __call__(self, *texts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """float32[k, H], unit length, of k texts' token ids (int64[n] each, n at most P). They go through the weights
        together; no text's vector depends on the others."""
        found: npt.NDArray[np.float32] = encode(
            np.concatenate(texts) if len(texts) > 1 else texts[0],
            np.array([*accumulate(map(len, texts))], np.int64),
            self.words,
            self.word_scales,
            self.positions,
            self.norms,
            self.codes,
            self.sums,
            self.scales,
            self.biases,
            self.heads,
            self.least,
            self.mean,
        )
        return found


def computed_here() -> bool:
    """Whether this processor multiplies bytes so fast that a graph would take longer."""
    return VNNI in features()
