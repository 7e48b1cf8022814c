"""PyTorch to ONNX, int8, and nothing in the file that tells where it was made.

The exporter is PyTorch's older one, which traces. The newer one needs the packages onnxscript and onnx-ir, takes four
times as long, and writes a source path of the exporting machine into every node. What a trace can get wrong, a branch
or a length frozen as the example had it, the caller catches by comparing the result with the model.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import GraphProto, ModelProto, helper
from torch import nn

from endcap.strategies.text import native
from endcap.training.text.model import SourceModel, one_torch_thread, quiet

OPSET = 17
INPUTS = ("input_ids", "attention_mask")
LARGEST_BYTES = 2**31 - 2**20
"""Protobuf's limit for one message, with room for the graph itself."""


class GraphTooLarge(ValueError):
    """The model's weights don't fit into one ONNX file."""


def trace(source: SourceModel) -> ModelProto:
    """The encoder as one fp32 graph: ``input_ids``, ``attention_mask`` (int64[n, length]) -> ``embedding``
    (float32[n, d]). Raises GraphTooLarge for more than 2 GiB of weights."""
    return traced(source.network, source.folder.name, "embedding")


def traced(network: nn.Module, name: str, output: str) -> ModelProto:
    """As ``trace``, for any network of ids and mask; ``name`` is what errors call it."""
    weights = sum(tensor.numel() * tensor.element_size() for tensor in network.parameters())
    if weights > LARGEST_BYTES:
        raise GraphTooLarge(f"{name} has {weights / 2**30:.1f} GiB of weights, expected less than 2")
    buffer = io.BytesIO()
    with quiet(), one_torch_thread(), torch.no_grad():
        torch.onnx.export(
            network,
            _example(),
            buffer,  # type: ignore[arg-type]  # this exporter writes to a buffer too
            input_names=list(INPUTS),
            output_names=[output],
            dynamic_axes={**{name: {0: "batch", 1: "length"} for name in INPUTS}, output: {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
    return stripped(onnx.load_from_string(buffer.getvalue()))


def quantised(model: ModelProto, *, keep_narrowing: bool) -> ModelProto:
    """``model`` with int8 weights, one scale a channel, and activations quantised as they come.

    ``keep_narrowing`` leaves the matrices with more rows than columns in fp32: in a transformer these read the widened
    feed-forward state, whose few very large values are what int8 does worst.
    """
    native.onnxruntime()  # says what to install where it is missing
    from onnxruntime.quantization import QuantType, quantize_dynamic

    ready = ModelProto()
    ready.CopyFrom(model)
    helper.set_model_props(ready, {"onnx.quant.pre_process": "onnxruntime.quant"})  # or it asks for it in the log
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quantised.onnx"
        quantize_dynamic(
            ready,
            path,
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_narrowing(model) if keep_narrowing else [],
        )
        return stripped(onnx.load(path))


def stripped(model: ModelProto) -> ModelProto:
    """``model`` without comments and metadata, in place: exporters put local paths there."""
    model.doc_string = ""
    model.producer_version = ""
    del model.metadata_props[:]
    _strip_graph(model.graph)
    for function in model.functions:
        _strip([function, *function.value_info])
        _strip_nodes(function.node)
    return model


def write(model: ModelProto, path: Path) -> None:
    """The same bytes for the same model."""
    path.write_bytes(model.SerializeToString(deterministic=True))


def _example() -> tuple[torch.Tensor, torch.Tensor]:
    """Two texts of unlike lengths, so that nothing in the trace takes the mask for all ones."""
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    return mask.clone(), mask


def _narrowing(model: ModelProto) -> list[str]:
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    products = [(node.name, shapes.get(node.input[1], ())) for node in model.graph.node if node.op_type == "MatMul"]
    return [name for name, shape in products if len(shape) == 2 and shape[0] > shape[1]]


def _strip_graph(graph: GraphProto) -> None:
    _strip([graph, *graph.value_info, *graph.input, *graph.output, *graph.initializer])
    _strip_nodes(graph.node)


def _strip_nodes(nodes: Iterable[onnx.NodeProto]) -> None:
    for node in nodes:
        _strip([node])
        for attribute in node.attribute:
            _strip([attribute, *attribute.tensors])
            if attribute.HasField("t"):
                _strip([attribute.t])
            for graph in [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]:
                _strip_graph(graph)


def _strip(entries: Iterable[Any]) -> None:
    for entry in entries:
        entry.ClearField("doc_string")
        if "metadata_props" in entry.DESCRIPTOR.fields_by_name:
            del entry.metadata_props[:]
