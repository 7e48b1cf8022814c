"""The BERT ranker as a bundle keeps it: pairs to logits by ONNX Runtime, and how they are fused with the trees."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from endcap.bundle.events import Array
from endcap.bundle.folder import BundleError, Part
from endcap.strategies.text.device import Device, open_fitting
from endcap.strategies.text.pairs import Kind, PairBatch

M = TypeVar("M", bound=BaseModel)

PART = "bert"
GRAPH, INFO, FUSION = "bert.onnx", "bert", "fusion"


class CrossParity(BaseModel):
    """The exported ranker beside the fp32 student that it was made from, over pairs that neither learned from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank_correlation: float
    """Spearman's, over all pairs."""
    probability_difference: float
    """Mean absolute difference of the two probabilities of a pair."""
    pairs: int


class CrossInfo(BaseModel):
    """The content of bert.json. It names the text model that the ranker was taught from, never a path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    model: str
    layers: PositiveInt
    precision: Literal["int8", "int8-partial", "fp32"]
    parity: CrossParity | None = None


class Fusion(BaseModel):
    """Weights of a request's first items by the trees; learned where neither model had learned. Order is all that the
    sum is used for, so it has no constant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tree: float
    bert: float
    rank: float
    """Of log2(1 + rank), the trees' best having rank 1."""
    scores: tuple[float, ...] = ()
    """Knots of the map from BERT's logit to a probability, ascending; see ``probabilities``."""
    probabilities: tuple[float, ...] = ()

    def __call__(self, trees: Array, logits: Array) -> Array:
        """float64[n] of the trees' scores in falling order and BERT's logits of the same items."""
        fused: Array = columns_of(trees, logits) @ np.array([self.tree, self.bert, self.rank])
        return fused


def columns_of(trees: Array, logits: Array) -> Array:
    """float64[n, 3]: what a fusion weighs. ``trees`` fall."""
    ranks = np.arange(1, len(trees) + 1)
    columns: Array = np.column_stack([trees, logits, np.log2(1.0 + ranks)]).astype(np.float64)
    return columns


class CrossEncoder:
    """One exported BERT ranker. Safe to share between threads; each call computes on the caller's thread."""

    def __init__(self, info: CrossInfo, session: Any) -> None:
        self.info = info
        self._session = session

    @staticmethod
    def open(part: Part, device: Device = "cpu") -> CrossEncoder:
        """Raises BundleError for a file that is missing or unreadable, MissingLibrary without onnxruntime."""
        info = _valid(CrossInfo, part.json(INFO), part, INFO)
        return CrossEncoder(info, open_fitting(part.file(GRAPH), device, quantised=info.precision != "fp32"))

    def logits(self, pairs: PairBatch) -> Array:
        """float32[n]: the log-odds that the shopper goes for the item, as far as text tells."""
        if not len(pairs.ids):
            return np.empty(0, np.float32)
        found: Array = self._session.run(None, {"input_ids": pairs.ids, "attention_mask": pairs.mask})[0]
        return found


def read_fusions(part: Part) -> dict[Kind, Fusion]:
    """By kind of pair; a kind that nothing could be learned of is missing."""
    return {kind: _valid(Fusion, content, part, FUSION) for kind, content in part.json(FUSION).items()}


def _valid(model: type[M], content: Any, part: Part, name: str) -> M:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        where = part.folder / f"{name}.json"
        raise BundleError(f"{where}: {key}: {first['msg']}; it was written by another version of Endcap") from error
