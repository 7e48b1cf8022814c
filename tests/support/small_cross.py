"""A BERT ranker of random weights as a bundle part, made in a second: serving need not be clever to be tested."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from endcap.bundle.writer import PartWriter
from endcap.strategies.text.cross import FUSION, Fusion
from endcap.training.bert.lessons import Lessons
from endcap.training.bert.network import teacher_of
from endcap.training.bert.part import export, write_pairs
from endcap.training.progress import silent
from endcap.training.text.model import check_model

WIDTH = 32
BOTH = {"shopper": Fusion(tree=0.0, bert=1.0, rank=0.0), "query": Fusion(tree=0.0, bert=1.0, rank=0.0)}
"""BERT alone decides."""


def write_part(
    part: PartWriter, model: Path, texts: Sequence[str], fusions: dict[str, Fusion] = BOTH, seed: int = 3
) -> None:
    source = check_model(model)
    write_pairs(part, source, texts, WIDTH)
    export(part, teacher_of(source, seed, 0.0), source, 2, lessons(), silent)
    part.json(FUSION, {kind: fusion.model_dump() for kind, fusion in fusions.items()})


def lessons(requests: int = 40, each: int = 10, seed: int = 0, vocabulary: int = 100) -> Lessons:
    """Pairs of random tokens, chosen where the first token after the start is an even number."""
    random = np.random.default_rng(seed)
    count = requests * each
    ids = random.integers(5, vocabulary, (count, WIDTH)).astype(np.int32)
    lengths = random.integers(12, WIDTH + 1, count)
    ids[np.arange(WIDTH) >= lengths[:, None]] = 0
    labels = (ids[:, 1] % 2 == 0).astype(np.float32)
    trees = -np.sort(-random.normal(0, 1, (requests, each)), axis=1).astype(np.float32).ravel()
    sizes, kinds = np.full(requests, each, np.int64), np.ones(requests, np.int8)
    return Lessons(ids, lengths, labels, trees, np.zeros(count, np.float32), sizes, kinds)
