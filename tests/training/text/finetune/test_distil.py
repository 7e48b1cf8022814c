from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import transformers

from endcap.strategies.text.encoder import Encoder
from endcap.training.text.export import export_encoder
from endcap.training.text.finetune.distil import distilled
from endcap.training.text.folder import ModelError
from endcap.training.text.model import SourceModel, check_model

from ....support import small_bert


def test_a_student_says_what_its_teacher_says(
    thin: SourceModel, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("endcap.training.text.finetune.distil.LEARNING_RATE", 1e-2)
    titles = small_bert.titles()
    rough, before = distilled(thin, 1, titles, 7, kept, steps=1)
    student, report = distilled(thin, 1, titles, 7, kept, steps=60)
    assert report["layers"] == 1
    assert report["of"] == 2
    assert report["cosine"] > before["cosine"] + 0.2
    assert report["neighbour_overlap"] > before["neighbour_overlap"]
    exact, learned, cut = (model.encode(titles, 32) for model in (thin, student, rough))
    assert (exact * learned).sum(1).mean() > (exact * cut).sum(1).mean()
    exported = export_encoder(student, tmp_path, texts=titles)
    assert exported.info.parity is not None
    assert exported.info.parity.cosine > 0.99
    np.testing.assert_allclose(np.linalg.norm(Encoder.open(tmp_path).encode(titles), axis=1), 1, rtol=1e-4)
    assert not kept.exists()


def test_a_student_begins_with_evenly_spread_layers_of_its_teacher(tmp_path: Path, kept: Path) -> None:
    small_bert.write_model(tmp_path / "deep", transformers.BertConfig(**small_bert.shape(num_hidden_layers=6)))
    teacher = check_model(tmp_path / "deep")
    student, _ = distilled(teacher, 3, small_bert.titles(), 7, kept, steps=1)
    layers = [model.network.body.encoder.layer for model in (teacher, student)]  # type: ignore[union-attr]
    assert len(layers[1]) == 3  # type: ignore[arg-type]
    for mine, its in enumerate([1, 3, 5]):
        own, whole = (layers[k][n].output.dense.weight.detach() for k, n in ((1, mine), (0, its)))  # type: ignore
        assert float((own - whole).abs().max()) < 0.01  # a step away
    assert len(layers[0]) == 6  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "config",
    [
        transformers.DistilBertConfig(
            dim=32, n_layers=2, n_heads=2, hidden_dim=64, vocab_size=len(small_bert.VOCABULARY), initializer_range=0.3
        ),
        transformers.MPNetConfig(**small_bert.shape()),
    ],
    ids=lambda config: str(config.model_type),
)
def test_other_models_of_the_family_lose_layers_too(
    config: transformers.PretrainedConfig, tmp_path: Path, kept: Path
) -> None:
    small_bert.write_model(tmp_path / "model", config)
    student, report = distilled(check_model(tmp_path / "model"), 1, small_bert.titles(), 7, kept, steps=2)
    assert report["of"] == 2
    (tmp_path / "out").mkdir()
    assert export_encoder(student, tmp_path / "out", quantise=False).info.precision == "fp32"


@pytest.mark.parametrize("layers", [2, 9])
def test_as_many_layers_as_there_are_or_more_are_refused(thin: SourceModel, kept: Path, layers: int) -> None:
    with pytest.raises(ModelError, match=f"thin-bert has 2 layers, found text.layers = {layers}: expected fewer"):
        distilled(thin, layers, small_bert.titles(), 7, kept)
