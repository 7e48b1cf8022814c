"""The contrastive loss, and its adversarial half."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import backward
from torch.nn import functional

from endcap.training.text.finetune.batches import Batch
from endcap.training.text.finetune.device import exactly

TEMPERATURE = 0.05
"""Of the cosines: what sentence encoders of this kind are trained with."""
STEP = 0.02
"""Length of the adversarial step, as a share of the embedded text's own."""


def contrast(anchors: Tensor, columns: Tensor, batch: Batch) -> Tensor:
    """Softmax cross-entropy of each anchor's own column (float32[pairs, d], float32[columns, d]), corrected for
    popularity by the batch's bias (Yi et al., RecSys 2019)."""
    with exactly(anchors.device):
        logits = anchors @ columns.T / TEMPERATURE + torch.from_numpy(batch.bias).to(anchors.device)
    own = torch.arange(len(anchors), device=anchors.device)
    losses = functional.cross_entropy(logits, own, reduction="none")
    return (losses * torch.from_numpy(batch.weights).to(anchors.device)).mean()


def learn_twice(body: Any, loss: Callable[[], Tensor]) -> float:
    """Gradients of ``loss`` as it is, and again with the embedded words moved a step to where it rises fastest.

    The fast gradient method (Miyato, Dai and Goodfellow, ICLR 2017, equation 7), a step a text. Returns the first loss.
    """
    layer = body.get_input_embeddings()
    with _watched(layer) as embedded:
        first = loss()
        backward(first)
    moves = [moved(tensor, tensor.grad) for tensor in embedded if tensor.grad is not None]
    with _shifted(layer, moves):
        backward(loss())
    return float(first.detach())


def moved(embedded: Tensor, gradient: Tensor) -> Tensor:
    """What to add to the embedded texts (float32[n, length, d]): a text's gradient, to STEP of the text's length, since
    models differ in the scale of their embeddings."""
    own, steepest = embedded.detach().flatten(1).norm(dim=1), gradient.flatten(1).norm(dim=1).clamp(min=1e-12)
    move: Tensor = (STEP * own / steepest)[:, None, None] * gradient
    return move.detach()


@contextmanager
def _watched(layer: nn.Module) -> Iterator[list[Tensor]]:
    """What comes out of the layer meanwhile, its gradients kept."""
    seen: list[Tensor] = []

    def watch(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        # A frozen layer's output has no gradient of its own.
        output = output if output.requires_grad else output.detach().requires_grad_()
        output.retain_grad()
        seen.append(output)
        return output

    handle = layer.register_forward_hook(watch)
    try:
        yield seen
    finally:
        handle.remove()


@contextmanager
def _shifted(layer: nn.Module, moves: list[Tensor]) -> Iterator[None]:
    coming = iter(moves)
    handle = layer.register_forward_hook(lambda _module, _inputs, output: output + next(coming))
    try:
        yield
    finally:
        handle.remove()
