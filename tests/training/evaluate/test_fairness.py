from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.training.evaluate.fairness import LEAST_SHOPPERS, gaps
from endcap.training.evaluate.segments import UNKNOWN, Segment
from endcap.training.evaluate.truth import Truth

Groups = list[list[int]]


def gap_of(scores: Groups, *labels: str) -> dict[str, Any] | None:
    """Of groups of shoppers whose NDCG@10 was 0 or 1."""
    values, family = made_up(scores, *labels)
    (found,) = gaps(values, family, seed=1)
    return found


def made_up(scores: Groups, *labels: str) -> tuple[Array, list[Segment]]:
    flat = np.array([hit for group in scores for hit in group], np.float64)
    truth = Truth.of_rows([np.array([0])] * len(flat))
    owners = np.repeat(np.arange(len(scores)), [len(group) for group in scores])
    names = [*labels, *(f"group {n}" for n in range(len(labels), len(scores)))]
    return flat[:, None], [Segment("attribute: x", name, owners == n, truth) for n, name in enumerate(names)]


def test_the_largest_gap_is_between_the_best_and_the_worst_served_group() -> None:
    gap = gap_of([[1, 0] * 40, [1, 1, 1, 0] * 20, [0, 0, 0, 1] * 20])
    assert gap is not None
    assert (gap["best"], gap["worst"]) == ("group 1", "group 2")
    assert gap["gap"] == pytest.approx(0.5)
    assert gap["interval"][0] < 0.5 < gap["interval"][1]
    assert gap["p"] == pytest.approx(0.001)
    assert "with_unknown" not in gap


def test_the_interval_is_that_of_a_difference_of_two_independent_means() -> None:
    gap = gap_of([[1, 1, 1, 0] * 50, [0, 0, 0, 1] * 50])
    assert gap is not None
    error = np.sqrt(2 * 0.25 * 0.75 / 200)
    assert gap["interval"] == pytest.approx([0.5 - 1.96 * error, 0.5 + 1.96 * error], abs=0.012)


def test_a_gap_among_groups_that_do_not_differ_is_likely_chance() -> None:
    random = np.random.default_rng(4)
    gap = gap_of([random.integers(0, 2, 50).tolist() for _ in range(6)])
    assert gap is not None
    assert gap["gap"] > 0.05
    assert gap["p"] > 0.1


def test_small_groups_make_no_gap() -> None:
    assert gap_of([[1] * 100, [0] * (LEAST_SHOPPERS - 1)]) is None
    assert gap_of([[1] * 100, [0] * LEAST_SHOPPERS]) is not None


def test_shoppers_of_whom_nothing_is_known_are_no_group_but_their_gap_is_told() -> None:
    gap = gap_of([[0] * 50, [1, 0] * 40, [1, 1, 1, 0] * 20], UNKNOWN)
    assert gap is not None
    assert (gap["worst"], gap["gap"]) == ("group 1", pytest.approx(0.25))
    assert (gap["with_unknown"]["worst"], gap["with_unknown"]["gap"]) == (UNKNOWN, pytest.approx(0.75))


def test_each_strategy_has_a_gap_of_its_own_by_the_same_draws() -> None:
    values, family = made_up([[1, 0] * 40, [1, 1, 1, 0] * 20])
    alone = gaps(values, family, seed=1)
    both = gaps(np.concatenate([values, 1 - values], axis=1), family, seed=1)
    assert both[0] == alone[0]
    assert both[1] is not None
    assert (both[1]["best"], both[1]["worst"]) == ("group 0", "group 1")
