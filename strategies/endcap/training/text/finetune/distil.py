"""An encoder of fewer layers, which says of the shop's texts what the whole one says."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import backward
from torch.nn import functional

from endcap.training.progress import Progress, silent
from endcap.training.text import parity
from endcap.training.text.finetune.augment import without_words
from endcap.training.text.finetune.checkpoint import Checkpoint
from endcap.training.text.finetune.device import best_device, exactly
from endcap.training.text.finetune.loop import Lesson, Plan, shorter, teach
from endcap.training.text.finetune.tokens import Reader
from endcap.training.text.folder import ModelError
from endcap.training.text.model import PooledEncoder, SourceModel

STEPS, MINUTES = 400, 8.0
MOST_PASSES = 30
"""Through the texts: small shops need fewer steps."""
AT_ONCE = 64
LEARNING_RATE = 3e-4
SHORTENED = 0.5
"""Of a batch's texts, half of whose words are left out: searches are shorter than items."""
KEPT_ASIDE = 300
ALIKE = 10.0
"""Weight of how far apart texts are, beside where each of them lies."""


def distilled(
    source: SourceModel,
    layers: int,
    texts: Sequence[str],
    seed: int,
    kept: Path,
    progress: Progress = silent,
    steps: int | None = None,
) -> tuple[SourceModel, dict[str, Any]]:
    """``source`` with ``layers`` layers, taught by the whole of it on ``texts``, and how near it comes on texts that it
    was not taught by.

    ``kept`` is a folder for checkpoints, as for ``finetune``. Raises ModelError where the model has no more layers.
    """
    student = copy.deepcopy(source.network)
    before = cut_layers(student.body, layers, source.folder.folder)
    for name, value in student.named_parameters():
        value.requires_grad_("pooler" not in name.split("."))
    aside, others = _split(list(texts), seed)
    device = best_device()
    reader, teacher = Reader(source, device), copy.deepcopy(source.network).to(device).eval()
    target = reader.all_vectors(teacher, aside)
    student.to(device)

    def learn(step: int) -> float:
        loss = _distance(reader, student, teacher, _batch(others, np.random.default_rng([seed, step])))
        backward(loss)
        return float(loss.detach())

    def judge() -> float:
        return float((reader.all_vectors(student, aside) * target).sum(1).mean())

    steps = steps or min(STEPS, -(-MOST_PASSES * len(others) // AT_ONCE))
    plan = shorter(Plan("distilling the text model", steps, MINUTES, LEARNING_RATE, seed), steps)
    checkpoint = Checkpoint(kept, f"{layers}-layers")
    learned = teach(student, Lesson(learn, judge), plan, checkpoint, device, progress)
    checkpoint.remove()
    measured = parity.measure(*(_numpy(reader.all_vectors(network, aside)) for network in (teacher, student)))
    report = {"layers": layers, "of": before, "steps": learned.state.step, **measured.model_dump()}
    return replace(source, network=student.to("cpu").eval()), report


def cut_layers(body: Any, layers: int, folder: Path) -> int:
    """Leaves ``layers`` of the layers of a BERT-family body, evenly spread and the last among them: a student that
    starts from its teacher's weights (Sanh et al., 2019, section 3). Returns how many there were."""
    before = int(body.config.num_hidden_layers)
    if layers >= before:
        raise ModelError(f"{folder} has {before} layers, found text.layers = {layers}: expected fewer")
    for part in list(body.modules()):
        for name, inner in list(part.named_children()):
            if isinstance(inner, nn.ModuleList) and len(inner) == before:
                setattr(part, name, nn.ModuleList(inner[(k + 1) * before // layers - 1] for k in range(layers)))
                body.config.num_hidden_layers = layers
                return before
    raise ModelError(f"{folder} keeps its layers in a way unknown to Endcap: leave text.layers out")


def _distance(reader: Reader, student: PooledEncoder, teacher: PooledEncoder, texts: list[str]) -> Tensor:
    """Mean cosine distance to the teacher's vectors, and the mean square error of the cosines between texts."""
    with torch.no_grad():
        wanted = reader.vectors(teacher, texts)
    found = reader.vectors(student, texts)
    apart = 1 - (found * wanted).sum(1).mean()
    with exactly(reader.device):
        return apart + ALIKE * functional.mse_loss(found @ found.T, wanted @ wanted.T)


def _split(texts: list[str], seed: int) -> tuple[list[str], list[str]]:
    """(aside to judge by, to learn from); with few texts, the same for both."""
    filled = [text for text in texts if text.strip()] or [""]
    if len(filled) < 4 * KEPT_ASIDE:
        return filled[:KEPT_ASIDE], filled
    order = np.random.default_rng(seed).permutation(len(filled))
    return [filled[row] for row in order[:KEPT_ASIDE]], [filled[row] for row in order[KEPT_ASIDE:]]


def _batch(texts: list[str], random: np.random.Generator) -> list[str]:
    drawn = [texts[row] for row in random.integers(0, len(texts), AT_ONCE)]
    return [
        without_words(text, random, 0.5) if chance < SHORTENED else text
        for text, chance in zip(drawn, random.random(AT_ONCE), strict=True)
    ]


def _numpy(vectors: Tensor) -> parity.Vectors:
    return cast(parity.Vectors, vectors.cpu().numpy())
