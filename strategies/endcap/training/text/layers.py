"""A BERT's weights in int8, laid out for the machine code of endcap.strategies.text.layers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from endcap.bundle.writer import PartWriter
from endcap.strategies.text.bert import ARRAYS, PREFIX, SHAPE_NAME, Bert
from endcap.strategies.text.info import Parity
from endcap.strategies.text.layers import COLUMNS, FOUR, MIDDLE
from endcap.training.text.model import SourceModel

Floats = npt.NDArray[np.float32]
LANES = 16


def quantised_bert(source: SourceModel, most_tokens: int) -> Bert | None:
    """For texts of at most so many tokens. None of a model for which there is no machine code: no plain BERT."""
    body: Any = source.network.body
    if not _is_plain(body.config):
        return None
    embeddings = body.embeddings
    words, word_scales = _whole(_floats(embeddings.word_embeddings.weight).T)
    positions = embeddings.position_embeddings.weight[:most_tokens] + embeddings.token_type_embeddings.weight[0]
    matrices = [[_matrix(*each) for each in _linear(layer)] for layer in body.encoder.layer]
    norms = [embeddings.LayerNorm, *(norm for layer in body.encoder.layer for norm in _norms(layer))]
    columns = {
        name: np.stack([np.concatenate([getattr(each, name) for each in own]) for own in matrices])
        for name in ("sums", "scales", "biases")
    }
    return Bert(
        words=np.ascontiguousarray(words.T),
        word_scales=word_scales,
        positions=_floats(positions),
        norms=np.stack([np.stack([_floats(norm.weight), _floats(norm.bias)]) for norm in norms]),
        codes=np.concatenate([each.codes for own in matrices for each in own]),
        **columns,
        heads=int(body.config.num_attention_heads),
        least=float(body.config.layer_norm_eps),
        mean=source.network.pooling == "mean",
    )


class _Matrix(NamedTuple):
    codes: npt.NDArray[np.int8]
    sums: npt.NDArray[np.int32]
    scales: Floats
    biases: Floats


def _is_plain(config: Any) -> bool:
    """Whether it is a BERT as it was published, of a shape that the machine code computes."""
    published = config.model_type == "bert" and config.hidden_act == "gelu"
    absolute = getattr(config, "position_embedding_type", None) in (None, "absolute")
    return published and absolute and not (config.hidden_size % COLUMNS or config.intermediate_size % COLUMNS)


def _linear(layer: Any) -> Iterator[tuple[Floats, Floats]]:
    """Weights (float32[K, N]) and biases of a layer's four matrices."""
    own = layer.attention.self
    three = [own.query, own.key, own.value]
    yield np.hstack([_floats(each.weight).T for each in three]), np.concatenate([_floats(each.bias) for each in three])
    for each in (layer.attention.output.dense, layer.intermediate.dense, layer.output.dense):
        yield _floats(each.weight).T, _floats(each.bias)


def _norms(layer: Any) -> tuple[Any, Any]:
    return layer.attention.output.LayerNorm, layer.output.LayerNorm


def _matrix(weights: Floats, biases: Floats) -> _Matrix:
    inputs, columns = weights.shape
    whole, scales = _whole(weights)
    blocks = whole.reshape(inputs // FOUR, FOUR, columns // LANES, LANES).transpose(2, 0, 3, 1)
    sums = -MIDDLE * whole.sum(axis=0, dtype=np.int32)
    return _Matrix(np.ascontiguousarray(blocks).ravel(), sums.astype(np.int32), scales, biases)


def _whole(weights: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """``weights`` (float32[K, N]) in whole steps, -127 to 127, and each column's step."""
    scales = np.maximum(np.abs(weights).max(axis=0), np.float32(1e-20)) / np.float32(127)
    return np.rint(weights / scales).astype(np.int8), scales.astype(np.float32)


def _floats(parameter: Any) -> Floats:
    return np.ascontiguousarray(parameter.detach().numpy(), np.float32)


def write_bert(bert: Bert, part: PartWriter, measured: Parity) -> None:
    part.arrays({f"{PREFIX}{name}": getattr(bert, name) for name in ARRAYS})
    shape = {"heads": bert.heads, "least": bert.least, "mean": bert.mean}
    part.json(SHAPE_NAME.removesuffix(".json"), {**shape, "parity": measured.model_dump()})


def remove_bert(folder: Path) -> None:
    for path in folder.glob(f"{PREFIX}*"):
        path.unlink()
