"""Teacher and student: that they learn, that a seed decides, that an interrupt costs little, that time is bounded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from endcap.training.bert import learn as learning
from endcap.training.bert.learn import School, Taught, learn
from endcap.training.bert.lessons import Lessons
from endcap.training.bert.network import logits_of
from endcap.training.config import BertConfig
from endcap.training.errors import ConfigError
from endcap.training.evaluate.probability import auc
from endcap.training.progress import silent
from endcap.training.text.model import SourceModel, check_model

from ...support import small_bert, small_cross

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceModel:
    folder = tmp_path_factory.mktemp("model") / "bert"
    small_bert.write_model(folder)
    return check_model(folder)


def school(kept: Path, seed: int = 1, requests: int = 60, **config: float) -> School:
    lessons, watch, check = (small_cross.lessons(count, seed=n) for n, count in enumerate((requests, 10, 40)))
    return School(lessons, watch, check, BertConfig.model_validate({"layers": 1, **config}), seed, kept, silent)


@pytest.fixture(scope="module")
def taught(source: SourceModel, tmp_path_factory: pytest.TempPathFactory) -> Taught:
    return learn(source, school(tmp_path_factory.mktemp("kept"), epochs=1.0))


def words(network: torch.nn.Module) -> np.ndarray:
    lessons = small_cross.lessons(10, seed=7)
    return logits_of(network, lessons.ids, lessons.lengths, CPU)


def test_the_student_has_the_layers_that_were_asked_for(taught: Taught) -> None:
    assert taught.teacher.body.config.num_hidden_layers == 2  # type: ignore[union-attr]
    assert taught.student.body.config.num_hidden_layers == 1  # type: ignore[union-attr]
    assert taught.report["layers"] == 1
    assert 0 < taught.report["positives"] < 1


def test_one_seed_teaches_one_model(taught: Taught, source: SourceModel, tmp_path: Path) -> None:
    again, other = (learn(source, school(tmp_path / str(seed), seed, epochs=1.0)) for seed in (1, 2))
    np.testing.assert_array_equal(words(taught.student), words(again.student))
    assert (words(taught.student) != words(other.student)).any()
    assert taught.report == again.report or _untimed(taught) == _untimed(again)


def _untimed(taught: Taught) -> list[object]:
    return [taught.report[name]["history"] for name in ("teacher", "student")]


def test_it_learns_what_makes_an_item_chosen(
    source: SourceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How often one of four words stands in the pair, which a random body does not know. Thin models learn at higher
    rates than real ones."""
    monkeypatch.setattr(learning, "RATE", 3e-3)
    monkeypatch.setattr(learning, "STUDENT_RATE", 3e-3)
    lessons, watch, unseen = (_counting(requests, seed) for requests, seed in ((100, 0), (10, 1), (20, 2)))
    found = learn(source, School(lessons, watch, watch, BertConfig(layers=1, epochs=2.0), 1, tmp_path, silent))
    for network in (found.teacher, found.student):
        assert auc(logits_of(network, unseen.ids, unseen.lengths, CPU), unseen.labels > 0) > 0.8


def _counting(requests: int, seed: int) -> Lessons:
    lessons = small_cross.lessons(requests, seed=seed, vocabulary=9)
    share = (lessons.ids == 7).sum(axis=1) / lessons.lengths
    return lessons._replace(labels=(share > 0.25).astype(np.float32))


def test_word_embeddings_stay_as_they_were(taught: Taught, source: SourceModel) -> None:
    kept = source.network.body.get_input_embeddings().weight  # type: ignore[operator]
    for network in (taught.teacher, taught.student):
        assert torch.equal(network.body.get_input_embeddings().weight, kept)  # type: ignore[operator]


def test_minutes_bound_how_long_it_learns(source: SourceModel, tmp_path: Path) -> None:
    report = learn(source, school(tmp_path, minutes=1e-6, epochs=50.0)).report
    assert report["teacher"]["ended"] == report["student"]["ended"] == "minutes"
    assert report["teacher"]["steps"] < report["teacher"]["of"]


def test_an_interrupt_leaves_what_the_next_run_goes_on_from(source: SourceModel, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stopping(step: str, done: int = 0, total: int = 0, /) -> None:
        if done == 30:
            raise Stop

    whole = learn(source, school(tmp_path / "whole", epochs=2.0))
    broken = school(tmp_path / "kept", epochs=2.0)
    with pytest.raises(Stop):
        learn(source, School(**{**vars(broken), "progress": stopping}))
    assert list((tmp_path / "kept").iterdir())
    seen: list[int] = []
    gone_on = School(**{**vars(broken), "progress": lambda step, done=0, total=0: seen.append(done)})
    np.testing.assert_array_equal(words(learn(source, gone_on).student), words(whole.student))
    assert min(seen[: seen.index(30)]) >= 25


def test_more_layers_than_there_are_is_refused_with_the_key(source: SourceModel, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"bert\.layers: found 3, expected at most the 2 of bert"):
        learn(source, school(tmp_path, layers=3, minutes=1e-6))
