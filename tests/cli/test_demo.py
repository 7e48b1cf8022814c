from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from endcap.cli._demo import preparation

from ..support.live import PATIENCE_SECONDS, endcap
from .conftest import Run

pytestmark = pytest.mark.slow

SCENES = (
    "A heavy shopper",
    "A light shopper",
    "A shopper never seen before",
    "A guest's session",
    "A search",
    "A product page",
    "The caller's own list, re-ranked",
    "by the strategy hybrid",
    "by the strategy als",
    "by the strategy popular",
)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, small_shop: Path, trained_bundle: Path) -> Path:
    """A demo's folder with a bundle in it, as an earlier run would have left it."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "bundles").symlink_to(trained_bundle.parent)
    record = {"key": preparation.fingerprint(small_shop), "bundle": trained_bundle.name, "training_seconds": 1.0}
    (folder / "trained.json").write_text(json.dumps(record))
    return folder


def _demo(small_shop: Path, work: Path, *more: str) -> list[str]:
    ports = ("--port", "0", "--metrics-port", "0")
    return endcap("demo", "--config", str(small_shop), "--work", str(work), *ports, *more)


def test_once_shows_every_scene_and_leaves_no_server(small_shop: Path, work: Path) -> None:
    ended = subprocess.run(_demo(small_shop, work, "--once"), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    places = [ended.stdout.index(scene) for scene in SCENES]
    assert places == sorted(places)
    assert ended.stdout.count("ms round trip") == len(SCENES)
    assert "Using the bundle of an earlier run" in ended.stdout
    assert "endcap rank --user" in ended.stdout
    address = re.search(r'Client\("(.+):(\d+)"\)', ended.stdout)
    assert address is not None
    with socket.socket() as probe:
        assert probe.connect_ex((address[1], int(address[2]))) != 0, "nothing listens any more"


def test_the_first_run_trains_and_the_second_does_not(run: Run, small_shop: Path, tmp_path: Path) -> None:
    arguments = (
        "demo",
        "--config",
        small_shop,
        "--work",
        tmp_path,
        "--once",
        "--json",
        "--port",
        0,
        "--metrics-port",
        0,
    )
    first, second = run(*arguments), run(*arguments)
    assert first.code == second.code == 0, first.errors + second.errors
    fresh, kept = json.loads(first.out), json.loads(second.out)
    assert (fresh["trained"], kept["trained"]) == (True, False)
    assert fresh["bundle"] == kept["bundle"]
    assert [s["command"] for s in fresh["scenes"]] == [s["command"] for s in kept["scenes"]], "the same people"
    assert _items(fresh) == _items(kept)
    noted = json.loads((tmp_path / "demo.json").read_text())
    assert noted["with_training"]["first_rankings_seconds"] > noted["from_kept_bundle"]["first_rankings_seconds"]


def _items(shown: dict[str, list[dict[str, dict[str, list[dict[str, str]]]]]]) -> list[list[str]]:
    return [[item["item_id"] for item in scene["response"]["items"]] for scene in shown["scenes"]]


def test_the_printed_commands_work_as_they_stand(run: Run, small_shop: Path, work: Path) -> None:
    process = subprocess.Popen(_demo(small_shop, work), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.startswith("Serving until Ctrl-C"):
            break
    said = next(line for line in lines if line.startswith("endcap rank --user"))
    ended = run(*said.split()[1:])
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE_SECONDS)[0].strip() == "Stopped."
    assert process.returncode == 0
    assert ended.code == 0
    assert "ms round trip" in ended.out


def test_a_port_in_use_ends_it_with_the_servers_own_words(run: Run, small_shop: Path, work: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("demo", "--config", small_shop, "--work", work, "--port", port, "--metrics-port", 0, "--once")
    assert ended.code == 2
    assert str(port) in ended.errors
    assert "Traceback" not in ended.errors


def test_another_configuration_or_table_is_another_fingerprint(small_shop: Path, tmp_path: Path) -> None:
    from ..support.small_shop import write_small_shop

    config = write_small_shop(tmp_path)
    first = preparation.fingerprint(config)
    assert preparation.fingerprint(write_small_shop(tmp_path)) == first, "the same bytes, written again"
    os.truncate(tmp_path / "items.parquet", 100)
    second = preparation.fingerprint(config)
    config.write_text(config.read_text() + "windows = 2\n")
    assert len({first, second, preparation.fingerprint(config)}) == 3


def test_a_work_folder_that_is_a_file_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    ended = run("demo", "--work", tmp_path / "taken")
    assert ended.code == 2
    assert "taken" in ended.errors
