"""Fine-tuning: one encoder for searches and items (two towers with shared weights), taught by what goes with what."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import backward

from endcap.training.config import TextConfig
from endcap.training.errors import DataError
from endcap.training.progress import Progress, silent
from endcap.training.text.finetune.adapt import LEARNING_RATES, adapted
from endcap.training.text.finetune.augment import varied
from endcap.training.text.finetune.batches import Batch, Batches, Recipe
from endcap.training.text.finetune.checkpoint import Checkpoint
from endcap.training.text.finetune.device import best_device
from endcap.training.text.finetune.judge import judge_of
from endcap.training.text.finetune.loop import Learned, Lesson, Plan, shorter, teach
from endcap.training.text.finetune.loss import contrast, learn_twice
from endcap.training.text.finetune.pairs import Pairs
from endcap.training.text.finetune.tokens import Reader
from endcap.training.text.model import PooledEncoder, SourceModel

LEAST_PAIRS = 10
RECIPE = Recipe()


@dataclass(frozen=True)
class Lessons:
    """What an encoder is taught by, and what it is judged by while it learns."""

    pairs: Pairs
    later: Pairs
    """Of the time right after, to stop early by."""
    categories: Any
    """int32[item texts], -1 where unknown: hard negatives are of the same category."""


def finetune(
    source: SourceModel,
    lessons: Lessons,
    config: TextConfig,
    seed: int,
    kept: Path,
    progress: Progress = silent,
    recipe: Recipe = RECIPE,
) -> tuple[SourceModel, dict[str, Any]]:
    """The model as it was at its best on ``lessons.later``, possibly as it came, and a report that is plain data.

    ``kept`` is a folder for checkpoints; it is removed at the end, and what an interrupt leaves there is taken up by
    the next call for the same model, lessons and settings. Raises DataError where there is next to nothing to learn.
    """
    if len(lessons.pairs) < LEAST_PAIRS:
        raise DataError(
            f"found {len(lessons.pairs)} pairs of items bought together or one after the other, or of searches and "
            f"what they led to, expected at least {LEAST_PAIRS}: set finetune = false under [text]"
        )
    plan = _plan(config, lessons.pairs, recipe, seed)
    checkpoint = Checkpoint(kept, _fingerprint(source, lessons, config, plan, recipe))
    device = best_device()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network, finish = adapted(source.network, config.method)
    network.to(device)
    lesson = _lesson(Reader(source, device), network, lessons, config, recipe, seed)
    learned = teach(network, lesson, plan, checkpoint, device, progress)
    checkpoint.remove()
    return replace(source, network=finish().to("cpu")), _report(learned, lessons, config)


def _plan(config: TextConfig, pairs: Pairs, recipe: Recipe, seed: int) -> Plan:
    steps = config.steps if config.epochs is None else math.ceil(config.epochs * len(pairs) / recipe.pairs)
    rate = LEARNING_RATES[config.method]
    plan = Plan("fine-tuning the text model", steps, config.minutes, rate, seed, patience=config.patience)
    return shorter(plan, steps)


def _lesson(
    reader: Reader, network: PooledEncoder, lessons: Lessons, config: TextConfig, recipe: Recipe, seed: int
) -> Lesson:
    batches = Batches(lessons.pairs, lessons.categories, recipe, seed)
    judge = judge_of(lessons.later, seed)

    def learn(step: int) -> float:
        batch = batches.batch(step)
        texts = _texts(lessons.pairs, batch, config, np.random.default_rng([seed, step, 1]))

        def loss() -> Tensor:
            torch.manual_seed(seed * 1_000_003 + step)  # the adversarial half drops out what the first did
            vectors = reader.vectors(network, texts)
            return contrast(vectors[: len(batch.anchors)], vectors[len(batch.anchors) :], batch)

        if config.adversarial:
            return learn_twice(network.body, loss)
        found = loss()
        backward(found)
        return float(found.detach())

    return Lesson(learn, None if judge is None else partial(judge.score, reader, network))


def _texts(pairs: Pairs, batch: Batch, config: TextConfig, random: np.random.Generator) -> list[str]:
    numbers = np.concatenate([batch.anchors, batch.columns])
    distinct, places = np.unique(numbers, return_inverse=True)  # a text is said in one way throughout a batch
    said: Sequence[str] = varied([pairs.texts[number] for number in distinct], config.augment, random)
    return [said[place] for place in places]


def _report(learned: Learned, lessons: Lessons, config: TextConfig) -> dict[str, Any]:
    """Without anything that differs between two runs of the same, such as seconds."""
    state = learned.state
    return {
        "method": config.method,
        "augment": sorted(config.augment),
        "adversarial": config.adversarial,
        "pairs": {source.name: len(source.anchors) for source in lessons.pairs.sources},
        "validation_pairs": len(lessons.later),
        "steps": state.step,
        "best_step": state.best_step,
        "ended": learned.ended,
        "history": state.history,
    }


def _fingerprint(source: SourceModel, lessons: Lessons, config: TextConfig, plan: Plan, recipe: Recipe) -> str:
    """Learning goes on only from a checkpoint of the same model, lessons and settings."""
    digest = hashlib.sha256()
    # The budget may be raised after an interrupt, as long as the steps, over which the rate falls, stay.
    settings = [config.model_dump(exclude={"minutes", "layers"}), asdict(replace(plan, minutes=0)), asdict(recipe)]
    digest.update(json.dumps(settings, sort_keys=True).encode())
    for name, value in sorted(source.network.state_dict().items()):
        digest.update(name.encode() + value.numpy().tobytes())
    for pairs in (lessons.pairs, lessons.later):
        digest.update("\n".join(pairs.texts).encode())
        for kind in pairs.sources:
            digest.update(kind.name.encode() + kind.anchors.tobytes() + kind.positives.tobytes())
    digest.update(lessons.categories.tobytes())
    return digest.hexdigest()[:16]
