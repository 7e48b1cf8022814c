from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from endcap.training.config import TextConfig
from endcap.training.errors import DataError
from endcap.training.shop import Shop
from endcap.training.text.finetune import loop
from endcap.training.text.finetune.tune import Lessons, finetune
from endcap.training.text.model import SourceModel

from .conftest import PARTNERS, TEXTS, lessons_in


def weights(model: SourceModel) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in model.network.state_dict().items()}


def nearness_of_partners(model: SourceModel) -> float:
    """Mean cosine to what a text is bought with, less that to all texts."""
    vectors = model.encode(TEXTS, 32)
    cosines = vectors @ vectors.T
    return float(np.mean([cosines[one, other] - cosines[one].mean() for one, other in PARTNERS.items()]))


def config_for(method: Literal["lora", "full"], steps: int = 30, **more: object) -> TextConfig:
    return TextConfig(finetune=True, method=method, steps=steps, patience=99, **more)  # type: ignore[arg-type]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates at which a thin model of random weights learns in seconds."""
    monkeypatch.setattr("endcap.training.text.finetune.tune.LEARNING_RATES", {"lora": 1e-2, "full": 1e-2})


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("adversarial", [False, True])
def test_what_is_bought_together_comes_together(
    thin: SourceModel, lessons: Lessons, kept: Path, method: Literal["lora", "full"], adversarial: bool
) -> None:
    before = weights(thin)
    tuned, report = finetune(thin, lessons, config_for(method, steps=120, adversarial=adversarial), 7, kept)
    if (method, adversarial) == ("full", False):  # the others take more steps than a test has
        assert nearness_of_partners(tuned) > nearness_of_partners(thin) + 0.05
    history = report["history"]
    assert max(entry["score"] for entry in history) > history[0]["score"] + 0.1
    assert report["best_step"] > 0
    after = weights(thin)
    assert all((before[name] == after[name]).all() for name in before)  # the model that came is left alone
    assert weights(tuned).keys() == before.keys()  # and what comes out is of its shape: LoRA is merged
    assert not kept.exists()


def test_two_runs_give_the_same_model_and_report(
    thin: SourceModel, lessons: Lessons, config: TextConfig, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    one, first = finetune(thin, lessons, config, 7, tmp_path / "one")
    torch.manual_seed(2)
    two, second = finetune(thin, lessons, config, 7, tmp_path / "two")
    assert first == second
    assert_equal(one, two)


def assert_equal(one: SourceModel, two: SourceModel) -> None:
    left, right = weights(one), weights(two)
    assert [name for name in left if not np.array_equal(left[name], right[name])] == []


class Interrupted(BaseException):
    """As Ctrl-C is, no Exception."""


def interrupt_at(step: int) -> Callable[..., None]:
    def progress(name: str, done: int = 0, total: int = 0, /) -> None:
        if done == step:
            raise Interrupted

    return progress


def keep_every(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("endcap.training.text.finetune.tune.Plan", partial(loop.Plan, keep_every=steps))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_learning_goes_on_after_an_interrupt_as_if_there_had_been_none(
    thin: SourceModel,
    lessons: Lessons,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: Literal["lora", "full"],
) -> None:
    keep_every(4, monkeypatch)
    settings = TextConfig(finetune=True, method=method, steps=12, patience=99, augment=["word_dropout"])
    whole, report = finetune(thin, lessons, settings, 7, tmp_path / "whole")
    with pytest.raises(Interrupted):
        finetune(thin, lessons, settings, 7, tmp_path / "kept", interrupt_at(10))
    assert len(list((tmp_path / "kept").iterdir())) == 1
    began: list[int] = []
    resumed, again = finetune(
        thin, lessons, settings, 7, tmp_path / "kept", lambda name, done=0, total=0: began.append(done)
    )
    assert began[0] == 8
    assert again == report
    assert_equal(resumed, whole)


def test_a_checkpoint_of_other_lessons_is_not_taken_up(
    thin: SourceModel, lessons: Lessons, searched: Shop, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_every(2, monkeypatch)
    settings = TextConfig(finetune=True, steps=4, patience=99)
    with pytest.raises(Interrupted):
        finetune(thin, lessons, settings, 7, kept, interrupt_at(3))
    began: list[int] = []
    finetune(thin, lessons_in(searched), settings, 7, kept, lambda name, done=0, total=0: began.append(done))
    assert began[0] == 0


def test_a_torn_checkpoint_is_begun_anew(
    thin: SourceModel, lessons: Lessons, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_every(2, monkeypatch)
    settings = TextConfig(finetune=True, steps=4, patience=99)
    with pytest.raises(Interrupted):
        finetune(thin, lessons, settings, 7, kept, interrupt_at(3))
    checkpoint = next(kept.iterdir())
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    began: list[int] = []
    finetune(thin, lessons, settings, 7, kept, lambda name, done=0, total=0: began.append(done))
    assert began[0] == 0


def test_where_nothing_gets_better_the_model_stays_as_it_came(
    thin: SourceModel, lessons: Lessons, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("endcap.training.text.finetune.judge.Judge.score", lambda *_: 0.5)
    tuned, report = finetune(thin, lessons, TextConfig(finetune=True, method="full", steps=40), 7, kept)
    assert (report["best_step"], report["ended"], report["steps"]) == (0, "patience", 30)
    assert_equal(tuned, thin)


def test_a_budget_of_time_ends_it_early(thin: SourceModel, lessons: Lessons, kept: Path) -> None:
    _, report = finetune(thin, lessons, TextConfig(finetune=True, steps=500, minutes=1e-4), 7, kept)
    assert report["ended"] == "minutes"
    assert report["steps"] < 500
    assert report["history"][-1]["step"] == report["steps"]


def test_epochs_are_passes_through_all_pairs(thin: SourceModel, lessons: Lessons, kept: Path) -> None:
    seen: list[int] = []
    settings = TextConfig(finetune=True, epochs=0.5, minutes=1e-4)
    finetune(thin, lessons, settings, 7, kept, lambda name, done=0, total=0: seen.append(total))
    assert seen[0] == -(-len(lessons.pairs) // (2 * 64))


def test_without_later_pairs_it_learns_to_the_end(thin: SourceModel, lessons: Lessons, kept: Path) -> None:
    nothing = replace(lessons.later, sources=[])
    _, report = finetune(thin, replace(lessons, later=nothing), TextConfig(finetune=True, steps=4), 7, kept)
    assert (report["best_step"], report["ended"]) == (4, "steps")


def test_too_little_to_learn_from_is_refused_with_the_key(thin: SourceModel, lessons: Lessons, kept: Path) -> None:
    nothing = replace(lessons.pairs, sources=[])
    with pytest.raises(DataError, match=r"found 0 pairs .* expected at least 10: set finetune = false under \[text\]"):
        finetune(thin, replace(lessons, pairs=nothing), TextConfig(finetune=True), 7, kept)


def test_progress_counts_every_step(thin: SourceModel, lessons: Lessons, config: TextConfig, kept: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    finetune(thin, lessons, config, 7, kept, lambda name, done=0, total=0: seen.append((name, done, total)))
    assert seen == [("fine-tuning the text model", step, 12) for step in range(12)]
