from __future__ import annotations

import json
from pathlib import Path

from ..support.live import Live
from .conftest import Run

READY_MADE = {
    "hybrid",
    "popular",
    "als",
    "discover",
    "repeat",
    "search",
    "session",
    "similar_items",
    "cold_start",
    "linear",
}


def test_a_bundle_and_its_server_list_the_same(run: Run, trained_bundle: Path, server: Live) -> None:
    inside = run("strategies", "--bundle", trained_bundle, "--json")
    asked = run("strategies", "--address", server.address, "--json")
    assert inside.code == asked.code == 0
    assert json.loads(inside.out) == json.loads(asked.out)
    assert {strategy["name"] for strategy in json.loads(inside.out)["strategies"]} == READY_MADE


def test_the_table_shows_sources_with_limits_scorer_selector_and_default(run: Run, trained_bundle: Path) -> None:
    ended = run("strategies", "--bundle", trained_bundle)
    for said in ("hybrid (default)", "popular 300", "by_source", "top_k", "trees", "mmr"):
        assert said in ended.out


def test_no_bundle_is_one_line(run: Run, tmp_path: Path) -> None:
    ended = run("strategies", "--bundle", tmp_path / "nowhere")
    assert ended.code == 2
    assert ended.errors.startswith("endcap: no bundle at ")


def test_bundle_and_address_exclude_each_other(run: Run, tmp_path: Path) -> None:
    ended = run("strategies", "--bundle", tmp_path, "--address", "localhost:1")
    assert ended.code == 2
    assert "not both" in ended.errors
