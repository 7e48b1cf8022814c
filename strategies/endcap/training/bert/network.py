"""The cross-encoder in PyTorch: a text model's body, read over a pair of texts at once, and one number at its end."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from endcap.bundle.events import Array
from endcap.training.text.model import SourceModel

AT_ONCE = 128
DROPOUT = 0.1


class PairNetwork(nn.Module):
    """Token ids of pairs to logits: int64[n, length] twice (ids, mask) -> float32[n]. Pools by the mean of tokens."""

    def __init__(self, body: nn.Module, width: int) -> None:
        super().__init__()
        self.body = body
        self.drop = nn.Dropout(DROPOUT)
        self.out = nn.Linear(width, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states: Tensor = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        logits: Tensor = self.out(self.drop(pooled)).squeeze(-1)
        return logits


def teacher_of(source: SourceModel, seed: int, base: float) -> PairNetwork:
    """The whole body of a text model, and a new last layer that says about ``base`` of every pair."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = PairNetwork(copy.deepcopy(source.network.body), source.dimension)
    nn.init.constant_(network.out.bias, base)
    return _taught(network)


def _taught(network: PairNetwork) -> PairNetwork:
    """Word embeddings stay as they are: a shop's few pairs would only spoil those that occur, and they are most of the
    weights. A pooler takes no part."""
    body: Any = network.body
    for name, value in network.named_parameters():
        value.requires_grad_("pooler" not in name.split("."))
    body.get_input_embeddings().weight.requires_grad_(False)
    return network


def logits_of(network: nn.Module, ids: Array, lengths: Array, device: torch.device) -> Array:
    """float32[n], without gradients, short pairs with short ones."""
    network.eval()
    order, found = np.argsort(lengths, kind="stable"), np.empty(len(ids), np.float32)
    with torch.no_grad():
        for start in range(0, len(order), AT_ONCE):
            rows = order[start : start + AT_ONCE]
            found[rows] = network(*tensors(ids[rows], lengths[rows], device)).float().cpu().numpy()
    return found


def tensors(ids: Array, lengths: Array, device: torch.device) -> tuple[Tensor, Tensor]:
    """(ids, mask), int64[m, longest] each."""
    longest = int(lengths.max(initial=1))
    kept = torch.from_numpy(ids[:, :longest].astype(np.int64))
    mask = (torch.arange(longest) < torch.from_numpy(lengths)[:, None]).to(torch.int64)
    return kept.to(device), mask.to(device)
