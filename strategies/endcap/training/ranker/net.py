"""Fits the network that stands beside the trees: see endcap.strategies.score.net."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.score.net import Encoding, Net
from endcap.training.progress import Progress, silent
from endcap.training.ranker.rows import Rows

HIDDEN, UPPER = 96, 64
DROPPED, DECAY = 77, 1e-4
"""Of 256 hidden units so many are left out of a step, at random (Srivastava et al., JMLR 2014)."""
EPOCHS, HIGHEST_RATE = 8, 3e-3
LARGEST_BATCH, STEPS = 4096, 64
"""Rows a step, or fewer where an epoch would have fewer steps than this."""
SAMPLE = 100_000
"""Rows from which the inputs' means and spreads are taken."""


def fit_net(rows: Rows, seed: int, progress: Progress = silent) -> Net:
    """By log loss on every row alike. The same numbers for one seed: on one thread, of which a second would take a
    fifth off."""
    import torch

    random = np.random.default_rng(seed)
    count = len(rows.labels)
    drawn = random.choice(count, min(count, SAMPLE), replace=False)
    encoding = Encoding.of(rows.features[drawn])
    with _torch(seed):
        inputs = torch.from_numpy(encoded(encoding, rows.features))
        labels = torch.from_numpy(rows.labels.astype(np.float32))
        weights = _weights(inputs.shape[1])
        optimizer = torch.optim.AdamW(weights, lr=HIGHEST_RATE, weight_decay=DECAY)
        batch = max(min(LARGEST_BATCH, count // STEPS), 1)
        steps = EPOCHS * -(-count // batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, HIGHEST_RATE, total_steps=steps)
        for step, places in enumerate(_batches(count, batch, random)):
            chosen = torch.from_numpy(places)
            outputs = _forward(weights, inputs[chosen], random)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(outputs, labels[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            progress("fitting the network", step + 1, steps)
        fitted = [weight.detach().numpy() for weight in weights]
    return Net(encoding.means, encoding.scales, encoding.flags, *fitted)


def encoded(encoding: Encoding, features: Array) -> Array:
    """In pieces: the steps in between would take several times the memory of the result."""
    width = len(encoding.means) + len(encoding.flags)
    found = np.empty((len(features), width), np.float32)
    for start in range(0, len(features), SAMPLE):
        found[start : start + SAMPLE] = encoding(features[start : start + SAMPLE])
    return found


def _weights(width: int) -> list[Any]:
    """In the order of Net's fields; He et al., ICCV 2015."""
    import torch

    def layer(*shape: int, inputs: int) -> torch.Tensor:
        weights: torch.Tensor = torch.randn(*shape) * (2.0 / inputs) ** 0.5
        return weights.requires_grad_()

    def bias(*shape: int) -> torch.Tensor:
        return torch.zeros(*shape, requires_grad=True)

    return [
        layer(width, HIDDEN, inputs=width),
        bias(HIDDEN),
        layer(HIDDEN, UPPER, inputs=HIDDEN),
        bias(UPPER),
        layer(UPPER, inputs=UPPER),
        bias(1),
    ]


def _forward(weights: list[Any], inputs: Any, random: np.random.Generator) -> Any:
    """[batch], as Net.scores, with dropout."""
    import torch

    first, first_bias, second, second_bias, last, last_bias = weights
    lower = torch.relu(torch.addmm(first_bias, inputs, first))
    lower = lower * _kept(len(inputs), HIDDEN, random)
    upper = torch.relu(torch.addmm(second_bias, lower, second))
    upper = upper * _kept(len(inputs), UPPER, random)
    return upper @ last + last_bias


def _kept(rows: int, units: int, random: np.random.Generator) -> Any:
    """float32[rows, units]: 0 for what is dropped, and what makes up for it elsewhere. A byte decides each; torch draws
    whole numbers of its twister one by one, which took two fifths of the time."""
    import torch

    drawn = np.frombuffer(random.bytes(rows * units), np.uint8).reshape(rows, units)
    return torch.from_numpy((drawn >= DROPPED) * np.float32(256 / (256 - DROPPED)))


def _batches(count: int, size: int, random: np.random.Generator) -> Iterator[Array]:
    for _ in range(EPOCHS):
        order = random.permutation(count)
        yield from (order[start : start + size] for start in range(0, count, size))


@contextmanager
def _torch(seed: int) -> Iterator[None]:
    """Torch on one thread with its own random numbers, both put back as they were."""
    import torch

    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
