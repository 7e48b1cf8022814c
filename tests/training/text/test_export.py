from __future__ import annotations

import site
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import transformers
from safetensors.numpy import load_file, save_file

from endcap.strategies.text.encoder import Encoder
from endcap.strategies.text.info import EncoderInfo
from endcap.training.text import graph
from endcap.training.text.export import EncoderReport, export_encoder

from ...support import small_bert

FILES = ["encoder.json", "encoder.onnx", "tokenizer.json"]
REPOSITORY = Path(__file__).parents[3]


def test_a_thin_bert_passes_the_gate_as_int8(saved_bert: Path, out: Path) -> None:
    report = export_encoder(saved_bert, out, texts=small_bert.titles())
    assert report.info.precision == "int8"
    assert report.note == ""
    assert report.info.parity is not None
    assert report.info.parity.cosine >= 0.99
    assert report.info.parity.neighbour_overlap >= 0.90
    assert EncoderInfo.read(out) == report.info
    assert sorted(path.name for path in out.iterdir() if not path.name.startswith("bert.")) == FILES
    assert {node.op_type for node in onnx.load(out / "encoder.onnx").graph.node} >= {"MatMulInteger"}


def test_without_quantising_the_graph_is_the_model(saved_bert: Path, out: Path) -> None:
    report = export_encoder(saved_bert, out, quantise=False, texts=small_bert.titles())
    assert (report.info.precision, report.info.quantised, report.note) == ("fp32", False, "")
    assert report.info.parity is not None
    assert report.info.parity.neighbour_overlap == 1


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_vector_is_what_transformers_computes(bert: Path, out: Path, pooling: str) -> None:
    small_bert.write_pooling(bert, pooling_mode=pooling)
    export_encoder(bert, out, quantise=False)
    texts = ["milk", "organic coffee 智能手表", "small butter bread tea watch"]
    np.testing.assert_allclose(Encoder.open(out).encode(texts), by_transformers(bert, texts, pooling), atol=1e-5)


def by_transformers(folder: Path, texts: list[str], pooling: str) -> np.ndarray:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder)
    rows = []
    for text in texts:
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
        row = states[0] if pooling == "cls" else states.mean(axis=0)
        rows.append(row / np.linalg.norm(row))
    return np.array(rows)


@pytest.mark.parametrize(
    "config",
    [
        transformers.RobertaConfig(**small_bert.shape()),
        transformers.DistilBertConfig(
            dim=32, n_layers=2, n_heads=2, hidden_dim=64, vocab_size=len(small_bert.VOCABULARY), initializer_range=0.3
        ),
        transformers.MPNetConfig(**small_bert.shape()),
        transformers.ElectraConfig(**small_bert.shape(), embedding_size=32),
    ],
    ids=lambda config: str(config.model_type),
)
def test_other_models_of_the_family_export_too(
    config: transformers.PretrainedConfig, tmp_path: Path, out: Path
) -> None:
    small_bert.write_model(tmp_path / "model", config)
    report = export_encoder(tmp_path / "model", out, quantise=False, texts=small_bert.titles())
    assert report.info.parity is not None
    assert report.info.parity.cosine == 1
    assert report.info.parity.neighbour_overlap == 1


def test_exporting_twice_gives_the_same_bytes(saved_bert: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "another")]
    for number, folder in enumerate(folders):
        folder.mkdir()
        model = small_bert.copy_of(saved_bert, tmp_path / str(number))  # from another place, too
        export_encoder(model, folder, texts=small_bert.titles())
    for name in FILES:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


@pytest.mark.parametrize("quantise", [True, False])
def test_the_files_tell_nothing_of_where_they_were_made(saved_bert: Path, out: Path, quantise: bool) -> None:
    export_encoder(saved_bert, out, quantise=quantise)
    assert_no_paths(out, saved_bert)


def assert_no_paths(out: Path, *more: Path) -> None:
    places = [REPOSITORY, Path.home(), Path(tempfile.gettempdir()), out, *more, *map(Path, site.getsitepackages())]
    words = [b"site-packages", b".py", *(str(place).encode() for place in places)]
    for name in FILES:
        content = (out / name).read_bytes()
        assert [word for word in words if word in content] == []


def test_comments_and_metadata_are_stripped_wherever_a_graph_can_hold_them() -> None:
    secret = "/home/someone/secret.py"
    model = commented_model(secret)
    assert model.SerializeToString().count(secret.encode()) >= 10
    assert secret.encode() not in graph.stripped(model).SerializeToString()
    onnx.checker.check_model(model)


def commented_model(secret: str) -> onnx.ModelProto:
    """A model that has a comment and metadata on every part that may have one, branches of an If included."""
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    chosen = onnx.helper.make_tensor_value_info("chosen", onnx.TensorProto.FLOAT, [1])
    weight = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], [1.0])
    constant = onnx.helper.make_node("Constant", [], ["chosen"], value=weight)
    branch = onnx.helper.make_graph([constant], "branch", [], [chosen])
    condition = onnx.helper.make_tensor_value_info("condition", onnx.TensorProto.BOOL, [])
    choice = onnx.helper.make_node("If", ["condition"], ["y"], then_branch=branch, else_branch=branch)
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    whole = onnx.helper.make_graph([choice], "whole", [condition, value], [result], [weight])
    model = onnx.helper.make_model(whole)
    branches = [attribute.g for attribute in whole.node[0].attribute]
    inner = [node for part in branches for node in part.node]
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.initializer):
        comment(part, secret)
    for choice_attribute in model.graph.node[0].attribute:
        comment(choice_attribute.g, secret)
        comment(choice_attribute.g.node[0], secret)
        comment(choice_attribute.g.node[0].attribute[0].t, secret)
    assert inner
    return model


def comment(part: object, secret: str) -> None:
    part.doc_string = secret  # type: ignore[attr-defined]
    entry = part.metadata_props.add()  # type: ignore[attr-defined]
    entry.key, entry.value = "source", secret


@pytest.mark.parametrize(
    ("weight", "precision"),
    [("intermediate.dense.weight", "int8-partial"), ("embeddings.LayerNorm.weight", "fp32")],
)
def test_what_int8_does_badly_is_kept_in_fp32_and_the_report_says_so(
    bert: Path, out: Path, weight: str, precision: str
) -> None:
    give_outliers(bert, weight)
    report = export_encoder(bert, out, texts=small_bert.titles())
    assert report.info.precision == precision
    assert report.note.startswith("int8 has cosine 0.")
    assert report.note.endswith(f"kept as {precision}")
    assert EncoderInfo.read(out).precision == precision


def give_outliers(bert: Path, weight: str) -> None:
    """Makes a few values of what the weight computes a thousand times the others, as large models have them."""
    weights = load_file(bert / "model.safetensors")
    for name in weights:
        if name.endswith(weight):
            weights[name] = weights[name].copy()
            weights[name][:2] *= 1000
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})


def test_texts_of_any_script_and_length_pass_through(saved_bert: Path, out: Path) -> None:
    export_encoder(saved_bert, out, texts=["智能手表 防水 运动", "", "smart 手表 ⌚️", "牛奶 " * 2500])
    encoder = Encoder.open(out)
    watch, exact, milk = (encoder.encode_one(text) for text in ("智能手表", "智能 手表", "有机牛奶"))
    assert watch @ exact > watch @ milk
    assert np.isfinite(encoder.encode(["", "🥛🧈", "牛奶 " * 2500])).all()


def test_every_step_is_reported(saved_bert: Path, out: Path) -> None:
    steps: list[str] = []
    export_encoder(saved_bert, out, progress=lambda step, done=0, total=0: steps.append(step))
    assert steps == ["loading the text model", "exporting the text model", "checking the int8 text model"]


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> tuple[EncoderReport, Path]:
    folder = tmp_path_factory.mktemp("default")
    return export_encoder(None, folder), folder


@pytest.mark.slow
def test_the_default_model_passes_the_gate_as_int8(default: tuple[EncoderReport, Path]) -> None:
    report, folder = default
    assert report.info.model == "all-MiniLM-L6-v2"
    assert (report.info.dimension, report.info.max_tokens, report.info.pooling) == (384, 128, "mean")
    assert report.info.precision == "int8"
    assert report.bytes == (folder / "encoder.onnx").stat().st_size < 25_000_000
    assert_no_paths(folder)


@pytest.mark.slow
def test_the_default_model_knows_what_words_mean(default: tuple[EncoderReport, Path]) -> None:
    query, *items = Encoder.open(default[1]).encode(["something to drink", "orange juice", "paper towels", "desk lamp"])
    assert query @ items[0] > max(query @ items[1], query @ items[2]) + 0.1
