"""What of a network is taught: small matrices beside its own (LoRA), or every weight."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from torch import nn

from endcap.training.text.model import PooledEncoder, quiet

RANK, SCALE = 16, 32
LEARNING_RATES = {"lora": 1e-3, "full": 5e-5}


class Taught(NamedTuple):
    network: PooledEncoder
    """A copy, of which the weights to be taught ask for gradients."""
    finish: Callable[[], PooledEncoder]
    """To the network as it was built at first, with what was learned in its weights."""


def adapted(network: PooledEncoder, method: Literal["lora", "full"]) -> Taught:
    """A copy of ``network`` to teach. LoRA's start is drawn from torch's generator."""
    network = copy.deepcopy(network)
    if method == "lora":
        return _with_lora(network)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not _is_pooler(name))
    return Taught(network, lambda: network.eval())


def _with_lora(network: PooledEncoder) -> Taught:
    """Low-rank matrices beside every linear one (Hu et al., ICLR 2022)."""
    with quiet():
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(r=RANK, lora_alpha=SCALE, lora_dropout=0.0, target_modules=_linear(network.body))
        body: Any = network.body
        wrapped: Any = get_peft_model(body, config)

    def finish() -> PooledEncoder:
        return PooledEncoder(wrapped.merge_and_unload(), network.pooling).eval()

    return Taught(PooledEncoder(wrapped, network.pooling), finish)


def _linear(body: nn.Module) -> list[str]:
    return [name for name, part in body.named_modules() if isinstance(part, nn.Linear) and not _is_pooler(name)]


def _is_pooler(name: str) -> bool:
    """Of the layer that some models have for classifying, which our graph doesn't run."""
    return "pooler" in name.split(".")
