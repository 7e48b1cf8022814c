from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import polars as pl
import pytest

from endcap.cli import _flowing
from endcap.training.train import Trained

from ..support.live import PATIENCE_SECONDS, endcap
from ..support.small_shop import write_small_shop
from .conftest import Run


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop of one's own to spoil; returns its shop.toml."""
    return write_small_shop(tmp_path / "shop")


def _refused(run: Run, config: Path) -> str:
    """The one line that training ends with."""
    out = config.parent / "bundles"
    ended = run("train", "--config", config, "--out", out)
    assert ended.code == 2
    assert ended.out == ""
    assert not out.exists() or not list(out.iterdir())
    (message,) = [line for line in ended.errors.splitlines() if line.startswith("endcap: ")]
    assert "Traceback" not in ended.errors
    return message


def _respell(config: Path, old: str, new: str) -> None:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


def _rewrite_events(config: Path, *columns: pl.Expr) -> None:
    path = config.parent / "events.parquet"
    pl.read_parquet(path).with_columns(columns).write_parquet(path)


def test_a_missing_config_is_named(run: Run, tmp_path: Path) -> None:
    assert "nowhere.toml" in _refused(run, tmp_path / "nowhere.toml")


def test_a_config_that_is_no_toml_is_named(run: Run, shop: Path) -> None:
    shop.write_text("name = = 3")
    assert "shop.toml: is not TOML" in _refused(run, shop)


def test_an_unknown_key_is_named_with_the_one_that_was_meant(run: Run, shop: Path) -> None:
    _respell(shop, "horizon_days", "horizon_dayz")
    message = _refused(run, shop)
    assert "training.horizon_dayz" in message
    assert "horizon_days" in message


def test_a_missing_table_is_named(run: Run, shop: Path) -> None:
    (shop.parent / "items.parquet").unlink()
    assert "items.parquet" in _refused(run, shop)


def test_a_missing_column_is_named(run: Run, shop: Path) -> None:
    path = shop.parent / "events.parquet"
    pl.read_parquet(path).drop("item_id").write_parquet(path)
    message = _refused(run, shop)
    assert "events.parquet" in message
    assert "item_id" in message


def test_a_time_that_is_none_is_named_with_its_column_and_value(run: Run, shop: Path) -> None:
    _rewrite_events(shop, pl.lit("half past nine").alias("time"))
    message = _refused(run, shop)
    assert "'time'" in message
    assert "half past nine" in message


def test_an_empty_table_is_named(run: Run, shop: Path) -> None:
    path = shop.parent / "events.parquet"
    pl.read_parquet(path).head(0).write_parquet(path)
    assert "events.parquet" in _refused(run, shop)


def test_too_few_days_say_what_to_lower(run: Run, shop: Path) -> None:
    _respell(shop, "horizon_days = 7", "horizon_days = 70")
    assert "lower training.horizon_days" in _refused(run, shop)


def test_a_plugin_that_is_not_there_is_named_with_those_that_are(run: Run, shop: Path) -> None:
    shop.write_text(shop.read_text() + '[strategies.mine]\nrecall = [{ use = "als2" }]\nscore = "by_source"\n')
    message = _refused(run, shop)
    assert "shop.toml: strategies.mine.recall" in message
    assert "'als2'" in message
    assert "covisit" in message


def test_a_default_strategy_that_is_nowhere_is_named(run: Run, shop: Path) -> None:
    shop.write_text('default_strategy = "best"\n' + shop.read_text())
    assert "'best'" in _refused(run, shop)


def test_a_text_model_that_is_not_there_is_named(run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    shop.write_text(shop.read_text() + '[text]\nmodel = "./no-such-bert"\n')
    message = _refused(run, shop)
    assert "text.model in shop.toml" in message
    assert "no-such-bert" in message


def test_a_text_model_without_weights_is_refused_before_any_table_is_read(run: Run, shop: Path) -> None:
    (shop.parent / "bert").mkdir()
    (shop.parent / "bert" / "config.json").write_text("{}")
    shop.write_text(shop.read_text() + f'[text]\nmodel = "{shop.parent / "bert"}"\n')
    (shop.parent / "events.parquet").write_bytes(b"no table at all")
    assert "text.model in shop.toml: found no weights" in _refused(run, shop)


def test_an_out_that_is_a_file_is_named(run: Run, shop: Path) -> None:
    out = shop.parent / "taken"
    out.write_text("")
    ended = run("train", "--config", shop, "--out", out)
    assert ended.code == 2
    assert str(out) in ended.errors


def test_a_serving_install_is_told_what_to_install(run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("endcap.cli._training.find_spec", lambda name: None if name == "polars" else object())
    message = _refused(run, shop)
    assert "polars" in message
    assert "pip install 'endcap[train]'" in message


@pytest.mark.parametrize("command", ["train", "evaluate", "tune"])
def test_what_searches_by_meaning_need_is_asked_for_at_the_start(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    lacking = ("torch", "faiss", "onnxruntime")
    monkeypatch.setattr("endcap.cli._training.find_spec", lambda name: None if name in lacking else object())
    ended = run(command, "--config", shop)
    assert ended.code == 2
    needed = "training needs torch, faiss, onnxruntime, not installed here"
    assert ended.errors == f"endcap: {needed}: pip install 'endcap[train]' 'endcap[cpu]'\n"


@pytest.mark.parametrize("command", ["train", "evaluate", "tune"])
def test_a_slip_in_a_strategy_of_ones_own_names_the_file_in_every_command(
    run: Run, shop: Path, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shop.write_text(shop.read_text() + '[strategies.mine]\nrecall = [{ use = "als2" }]\nscore = "by_source"\n')
    ended = run(command, "--config", shop)
    assert ended.code == 2
    assert f"endcap: {shop}: strategies.mine.recall" in ended.errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train"], "endcap: missing option '--config'; `endcap train --help` shows what there is"),
        (["tune", "--bogus"], "endcap: no such option: --bogus; `endcap tune --help` shows what there is"),
        (["evaluate", "--config", "a", "--protocol", "x"], "endcap: invalid value for '--protocol': 'x' is not one of"),
        (["nope"], "endcap: no such command 'nope'; `endcap --help` shows what there is"),
    ],
)
def test_what_is_asked_for_in_a_wrong_way_is_told_in_one_line(run: Run, arguments: list[str], said: str) -> None:
    ended = run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.errors.splitlines()
    assert line.startswith(said)


def test_without_any_command_there_is_help(run: Run) -> None:
    ended = run()
    assert ended.code == 0
    assert "evaluate" in ended.out


def test_help_breaks_lines_only_where_the_terminal_ends() -> None:
    assert _flowing("One\ntwo.\n\n    Three\n    four.\n") == "One two.\n\nThree four."


def test_help_shows_every_option(run: Run) -> None:
    ended = run("train", "--help")
    assert ended.code == 0
    assert all(option in ended.out for option in ("--config", "--out", "--json"))


@pytest.mark.slow
def test_the_new_bundle_is_the_last_line_after_what_was_cleaned_and_measured(
    small_shop: Path, trained: Trained, tmp_path: Path
) -> None:
    _rewrite_with_strays(small_shop, tmp_path)
    ended = subprocess.run(
        endcap("train", "--config", str(tmp_path / "shop.toml"), "--out", str(tmp_path / "bundles")),
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    *report, last = ended.stdout.splitlines()
    assert (Path(last) / "bundle.json").is_file()
    assert Path(last).name == trained.folder.name, "the strays were dropped, so it is the bundle of the clean shop"
    text = "\n".join(report)
    for said in ("-3", "nothing-of-ours", "ndcg@10", "hybrid", "GiB of memory", "fit ", "Text model bert as int8"):
        assert said in text
    assert "fitting als" in ended.stderr
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == [Path(last).name], "no scratch is left"


def _rewrite_with_strays(small_shop: Path, folder: Path) -> None:
    """The small shop, with three events of an item that it does not have."""
    shutil.copy(small_shop, folder)
    shutil.copy(small_shop.parent / "items.parquet", folder)
    events = pl.read_parquet(small_shop.parent / "events.parquet")
    strays = events.head(3).with_columns(item_id=pl.lit("nothing-of-ours"))
    pl.concat([events, strays]).write_parquet(folder / "events.parquet")


@pytest.mark.slow
def test_json_has_the_same_in_one_object(run: Run, small_shop: Path, trained: Trained, tmp_path: Path) -> None:
    ended = run("train", "--config", small_shop, "--out", tmp_path, "--json")
    found = json.loads(ended.out)
    assert Path(found["bundle"]) == tmp_path / trained.folder.name
    assert found["metrics"]["strategies"] == trained.manifest.metrics["strategies"]
    assert found["cleaning"]["kept"] == trained.cleaning.kept
    assert found["peak_memory_mib"] > 50
    assert found["seconds"].keys() == trained.seconds.keys()


@pytest.mark.slow
@pytest.mark.parametrize("step", ["fitting als", "gathering candidates"])
def test_ctrl_c_leaves_no_half_bundle(small_shop: Path, tmp_path: Path, step: str) -> None:
    process = subprocess.Popen(
        endcap("train", "--config", str(small_shop), "--out", str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert any(step in line for line in process.stderr)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the training's own processes as well
    out, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert out == ""
    assert errors.splitlines()[-1] == "endcap: stopped; no bundle was written"
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
