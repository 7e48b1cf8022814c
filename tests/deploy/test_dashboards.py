"""The dashboards in the repository are what deploy/grafana/*.py builds, and each panel says what it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Tool

GRAFANA = ROOT / "deploy/grafana"
PAGES: list[dict[str, Any]] = [json.loads(path.read_text()) for path in sorted(GRAFANA.glob("dashboards/*.json"))]
PANELS = [panel for page in PAGES for panel in page["panels"] if panel["type"] != "row"]


def test_the_dashboards_are_what_their_code_builds(checkers: Tool, tmp_path: Path) -> None:
    done = checkers("-B", GRAFANA / "build.py", tmp_path)
    assert done.returncode == 0, done.stderr
    built = {path.name: path.read_text() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text() for path in GRAFANA.glob("dashboards/*.json")}
    stale = sorted(name for name in built.keys() | kept.keys() if built.get(name) != kept.get(name))
    assert not stale, f"run make dashboards and commit what it changes: {stale}"


def test_there_is_one_for_each_question() -> None:
    assert {page["uid"] for page in PAGES} == {
        "endcap-overview",
        "endcap-pipeline",
        "endcap-quality",
        "endcap-processes",
    }


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert len(panel["description"]) > 10
    assert panel["targets"]
    assert panel["type"] == "heatmap" or panel["fieldConfig"]["defaults"]["unit"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page["uid"])
def test_panels_lie_beside_each_other_and_not_on_top(page: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in page["panels"]):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells
