from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run

pytestmark = pytest.mark.slow

METHODS = {"map", "map, 5% of the places", "nearest texts", "random of top category", "hybrid"}


def test_hidden_items_and_shoppers_are_asked_for_and_told_of(run: Run, small_shop: Path, tmp_path: Path) -> None:
    files = tmp_path / "cold.json", tmp_path / "cold.html"
    shares = ("--cold-items", 0.1, "--cold-shoppers", 0.2, "--holdout-days", 7)
    ended = run(
        *("evaluate", "--config", small_shop, "--protocol", "cold", *shares, "--json", files[0], "--html", files[1])
    )
    assert ended.code == 0, ended.errors
    found = json.loads(files[0].read_text())
    counts, cold = found["counts"], found["cold"]
    assert (found["protocol"], counts["hidden_items"], counts["hidden_shoppers"]) == ("cold", 8, 12)
    for question in ("all", "new"):
        methods = cold["items"][question]["methods"]
        assert set(methods) >= METHODS
        for one in methods.values():
            for metric in ("hit_rate@20", "recall@20", "ndcg@10"):
                low, high = one["intervals"][metric]
                assert 0 <= low <= one[metric] <= high <= 1
    assert cold["items"]["all"]["methods"]["map"]["hit_rate@20"] > 0
    assert {"nearest texts", "random of top category", "hybrid"} == set(cold["items"]["all"]["map_against"])
    assert cold["shoppers"]["first item"]["shoppers"] > 5
    assert cold["shoppers"]["attributes"]["shoppers"] == 0  # the small shop knows none
    assert "8 items hidden from training" in ended.out
    assert "12 shoppers hidden from training" in ended.out
    report = files[1].read_text()
    assert f"{cold['items']['all']['methods']['map']['hit_rate@20']:.4f}" in report
    assert "http" not in report.replace("<!doctype html>", "")


def test_a_bundle_that_is_there_has_seen_what_would_be_hidden(run: Run, small_shop: Path, trained_bundle: Path) -> None:
    ended = run("evaluate", "--config", small_shop, "--protocol", "cold", "--bundle", trained_bundle)
    assert ended.code == 2
    assert "trains a bundle of its own" in ended.errors


def test_nobody_can_be_asked_where_nothing_is_hidden(run: Run, small_shop: Path) -> None:
    ended = run("evaluate", "--config", small_shop, "--protocol", "cold", "--cold-items", 0, "--cold-shoppers", 0)
    assert ended.code == 2
    assert "found both 0" in ended.errors
