from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from endcap.training.text.finetune.device import computing
from endcap.training.text.finetune.judge import Judge, judge_of
from endcap.training.text.finetune.tune import Lessons


def vectors(judge: Judge) -> tuple[torch.Tensor, torch.Tensor]:
    """Those of an encoder that puts each anchor next to its own positive, and to nothing else."""
    random = torch.Generator().manual_seed(0)
    pool = functional.normalize(torch.randn(len(judge.pool), 64, generator=random))
    return pool[judge.own], pool


def test_an_encoder_that_knows_what_comes_scores_one(lessons: Lessons) -> None:
    judge = Judge(lessons.later, 7)
    assert judge.reciprocal_ranks(*vectors(judge)) == 1


def test_an_encoder_to_which_all_texts_are_one_scores_like_chance(lessons: Lessons) -> None:
    judge = Judge(lessons.later, 7)
    alike = torch.ones(400, 4) / 2, torch.ones(len(judge.pool), 4) / 2
    assert judge.reciprocal_ranks(*alike) == pytest.approx(1 / (1 + (len(judge.pool) - 2) / 2), rel=0.01)


def test_the_anchor_itself_is_no_candidate(lessons: Lessons) -> None:
    judge = Judge(lessons.later, 7)
    own, pool = vectors(judge)
    rows, columns = np.nonzero(judge.same)
    itself = own.clone()
    itself[rows] = 0.6 * pool[columns] + 0.4 * own[rows]  # nearest to itself, then to its positive
    assert judge.reciprocal_ranks(functional.normalize(itself), pool) == 1


def test_near_and_nearer_are_told_apart_where_products_are_short(lessons: Lessons) -> None:
    judge = Judge(lessons.later, 7)
    own, pool = vectors(judge)
    middle = functional.normalize(torch.ones(1, 64))
    near = functional.normalize(middle + 0.01 * own), functional.normalize(middle + 0.01 * pool)
    with computing(torch.device("cpu")):
        assert judge.reciprocal_ranks(*near) > 0.95


def test_the_same_pairs_are_asked_every_time_and_of_few_pairs_nothing(lessons: Lessons) -> None:
    one, two = Judge(lessons.later, 7), Judge(lessons.later, 7)
    assert one.anchors == two.anchors
    assert one.candidates == two.candidates
    assert judge_of(replace(lessons.later, sources=[]), 7) is None
