"""Teaching the cross-encoder, and a smaller one what it says: soft labels of the larger, beside what really came."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.autograd import backward
from torch.nn import functional

from endcap.bundle.events import Array
from endcap.training.bert.lessons import Lessons
from endcap.training.bert.network import PairNetwork, logits_of, teacher_of, tensors
from endcap.training.config import BertConfig
from endcap.training.errors import ConfigError
from endcap.training.progress import Progress
from endcap.training.text.finetune.checkpoint import Checkpoint
from endcap.training.text.finetune.device import best_device, computing
from endcap.training.text.finetune.distil import cut_layers
from endcap.training.text.finetune.loop import Learned, Lesson, Plan, teach
from endcap.training.text.model import SourceModel

BATCH = 32
RATE, STUDENT_RATE = 5e-5, 2e-4
TEACHING = 0.6
"""The teacher's share of the minutes."""
SOFT = 0.7
"""Of the student's target, so much is what the teacher says: Hinton, Vinyals and Dean, 2015."""
JUDGED_ON = 1024
"""Pairs that learning is judged on, to keep the network of its best moment."""


class Taught(NamedTuple):
    teacher: PairNetwork
    student: PairNetwork
    report: dict[str, Any]


@dataclass(frozen=True)
class School:
    """What both are taught by."""

    lessons: Lessons
    watch: Lessons
    """Of another time, or other searches: to keep the best moment by."""
    check: Lessons
    """Of that other time too, and used only once both are taught."""
    config: BertConfig
    seed: int
    kept: Path
    """A folder for checkpoints, of this training alone."""
    progress: Progress


def learn(source: SourceModel, school: School) -> Taught:
    """A teacher of all layers, then a student of a few. Raises ConfigError where the model has no more than those."""
    config, device = school.config, best_device()
    key = _fingerprint(source, school)
    teacher = teacher_of(source, school.seed, _base(school.lessons)).to(device)
    steps = max(1, round(config.epochs * len(school.lessons.labels) / BATCH))
    plan = Plan("teaching the BERT ranker", steps, TEACHING * config.minutes, RATE, school.seed, patience=4)
    first = _teach(teacher, plan, school.lessons.labels, school, f"{key}-teacher", device)
    soft = _said(teacher, school, device)
    student = smaller(teacher, config.layers, source)
    plan = Plan("distilling the BERT ranker", steps, (1 - TEACHING) * config.minutes, STUDENT_RATE, school.seed + 1)
    second = _teach(student, plan, soft, school, f"{key}-student", device)
    report = {
        "pairs": len(school.lessons.labels),
        "positives": round(float((school.lessons.labels > 0).mean()), 4),
        "layers": config.layers,
        "teacher": _told(first, steps),
        "student": _told(second, steps),
    }
    return Taught(teacher.to("cpu").eval(), student.to("cpu").eval(), report)


def _base(lessons: Lessons) -> float:
    """The log-odds of an item of which nothing is known: what learning starts from."""
    share = float(np.clip(lessons.labels.mean(), 0.01, 0.99))
    return float(np.log(share / (1 - share)) - lessons.offsets.mean())


def smaller(teacher: PairNetwork, layers: int, source: SourceModel) -> PairNetwork:
    """A copy that starts from ``layers`` of the teacher's layers."""
    student = copy.deepcopy(teacher)
    body: Any = student.body
    if layers > (most := int(body.config.num_hidden_layers)):
        raise ConfigError(f"bert.layers: found {layers}, expected at most the {most} of {source.folder.name}")
    if layers < most:
        cut_layers(body, layers, source.folder.folder)
    return student


def _teach(
    network: PairNetwork, plan: Plan, targets: Array, school: School, name: str, device: torch.device
) -> Learned:
    lessons, watch = school.lessons, school.watch
    order = np.random.default_rng(plan.seed).permutation(len(targets))
    judged = np.random.default_rng(school.seed).permutation(len(watch.labels))[:JUDGED_ON]

    def learn_from(step: int) -> float:
        rows = order[np.arange(step * BATCH, (step + 1) * BATCH) % len(order)]
        ids, mask = tensors(lessons.ids[rows], lessons.lengths[rows], device)
        logits = network(ids, mask).float() + torch.from_numpy(lessons.offsets[rows]).to(device)
        loss = functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(targets[rows]).to(device))
        backward(loss)
        return float(loss.detach())

    def judge() -> float:
        logits = torch.from_numpy(logits_of(network, watch.ids[judged], watch.lengths[judged], device))
        labels = torch.from_numpy(watch.labels[judged])
        return -float(functional.binary_cross_entropy_with_logits(logits, labels))

    lesson = Lesson(learn_from, judge if len(judged) else None)
    every = max(1, min(50, plan.steps // 4))
    planned = Plan(**{**vars(plan), "judge_every": every})
    return teach(network, lesson, planned, Checkpoint(school.kept, name), device, school.progress)


def _said(teacher: PairNetwork, school: School, device: torch.device) -> Array:
    """float32[n]: the student's targets, of the sampled pairs as of the whole."""
    lessons = school.lessons
    school.progress("asking the large BERT ranker")
    with computing(device):
        logits = logits_of(teacher, lessons.ids, lessons.lengths, device) + lessons.offsets
    said = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    return (SOFT * said + (1 - SOFT) * lessons.labels).astype(np.float32)


def _told(learned: Learned, planned: int) -> dict[str, Any]:
    state = learned.state
    return {
        "steps": state.step,
        "of": planned,
        "best_step": state.best_step,
        "ended": learned.ended,
        "history": state.history,
    }


def _fingerprint(source: SourceModel, school: School) -> str:
    """Equal where model, pairs, labels, settings and seed are."""
    digest = hashlib.sha256(f"{source.folder.name} {school.config!r} {school.seed}".encode())
    for array in (school.lessons.ids, school.lessons.labels, school.watch.labels):
        digest.update(np.ascontiguousarray(array).tobytes())
    for value in list(source.network.body.parameters())[-2:]:
        digest.update(value.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
