"""The part that the ranker becomes: faithful, the same for the same model, and silent about where it was made."""

from __future__ import annotations

import site
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from endcap.bundle.folder import Part
from endcap.bundle.writer import PartWriter
from endcap.strategies.text.cross import CrossEncoder
from endcap.training.bert.network import logits_of, teacher_of
from endcap.training.bert.part import export, exported_logits, measured, write_pairs
from endcap.training.errors import ConfigError
from endcap.training.progress import silent
from endcap.training.text.model import check_model

from ...support import small_bert, small_cross

REPOSITORY = Path(__file__).parents[3]
TEXTS = small_bert.titles()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "thin-bert"
    small_bert.write_model(folder)
    return folder


@pytest.fixture(scope="module")
def part(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Part:
    folder = tmp_path_factory.mktemp("part")
    small_cross.write_part(PartWriter(folder), model, TEXTS)
    return Part(folder)


def test_a_thin_bert_passes_the_gate_as_int8(part: Part) -> None:
    info = CrossEncoder.open(part).info
    assert info.precision == "int8"
    assert info.parity is not None
    assert info.parity.rank_correlation >= 0.99
    assert info.parity.probability_difference <= 0.02


def test_a_network_that_int8_does_badly_stays_exact_enough(model: Path, tmp_path: Path) -> None:
    folder = small_bert.copy_of(model, tmp_path / "models")
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("embeddings.LayerNorm.weight"))
    weights[name] = weights[name].copy()
    weights[name][:2] *= 1000
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    source, writer = check_model(folder), PartWriter(tmp_path)
    network, lessons = teacher_of(source, 3, 0.0), small_cross.lessons()
    info = export(writer, network, source, 2, lessons, silent)
    assert info.precision == "fp32"
    exact = logits_of(network, lessons.ids, lessons.lengths, torch.device("cpu"))
    found = exported_logits(CrossEncoder.open(Part(tmp_path)), lessons.ids, lessons.lengths)
    np.testing.assert_allclose(found, exact, atol=1e-3, rtol=1e-3)


def test_parity_tells_orders_and_probabilities_apart() -> None:
    exact = np.linspace(-3, 3, 50).astype(np.float32)
    assert measured(exact, exact).rank_correlation == 1
    assert measured(exact, exact).probability_difference == 0
    assert measured(exact, -exact).rank_correlation == -1
    shifted = measured(exact, exact + 2)
    assert shifted.rank_correlation == 1
    assert shifted.probability_difference > 0.1


def test_the_same_model_gives_the_same_bytes_wherever_it_lies(part: Part, model: Path, tmp_path: Path) -> None:
    copied = small_bert.copy_of(model, tmp_path / "elsewhere")
    small_cross.write_part(PartWriter(tmp_path), copied, TEXTS)
    for name in part.files():
        assert (tmp_path / name).read_bytes() == part.file(name).read_bytes(), name


def test_the_files_tell_nothing_of_where_they_were_made(part: Part, model: Path) -> None:
    places = [
        REPOSITORY,
        Path.home(),
        Path(tempfile.gettempdir()),
        part.folder,
        model,
        *map(Path, site.getsitepackages()),
    ]
    words = [b"site-packages", b".py", *(str(place).encode() for place in places)]
    for name in part.files():
        content = part.file(name).read_bytes()
        assert [word for word in words if word in content] == [], name


def test_items_come_as_token_ids(part: Part) -> None:
    tokens, offsets = part.array("tokens"), part.array("token_offsets")
    assert len(offsets) == len(TEXTS) + 1
    first = [small_bert.VOCABULARY[token] for token in tokens[offsets[0] : offsets[1]]]
    assert first == ["milk", "智", "智", "0"]


def test_more_tokens_than_the_model_has_room_for_is_refused_with_the_key(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"bert\.max_tokens: found 513, expected at most the 512"):
        write_pairs(PartWriter(tmp_path), check_model(model), TEXTS, 513)
