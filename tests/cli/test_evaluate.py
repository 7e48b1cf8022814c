from __future__ import annotations

import json
from contextlib import redirect_stdout
from copy import deepcopy
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from endcap.cli import main
from endcap.training.config import load_config
from endcap.training.data.read import read_shop
from endcap.training.evaluate.evaluation import held_out
from endcap.training.evaluate.given import Options
from endcap.training.progress import silent
from endcap.training.report.page import page
from endcap.training.train import Stopwatch, train_on

from ..support.small_shop import write_small_shop
from .conftest import Run

pytestmark = pytest.mark.slow

DAYS = 7
BASELINES = {"random", "popular", "frequency", "frequency_decayed", "als", "bm25", "cosine", "ease"}


@pytest.fixture(scope="module")
def earlier_bundle(small_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle as it would have been trained before the last week."""
    config = load_config(small_shop)
    known = held_out(read_shop(config), Options(holdout_days=DAYS), config.training.seed).known
    return train_on(known, config, tmp_path_factory.mktemp("bundles"), silent, Stopwatch()).folder


@pytest.fixture(scope="module")
def evaluated(
    small_shop: Path, earlier_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], str, str]:
    """What one evaluation wrote as JSON, as HTML and on stdout."""
    folder = tmp_path_factory.mktemp("out")
    files = folder / "out.json", folder / "out.html"
    options = ["--config", small_shop, "--holdout-days", DAYS, "--bundle", earlier_bundle]
    printed = StringIO()
    with redirect_stdout(printed), pytest.raises(SystemExit) as ended:
        main(["evaluate", *map(str, options), "--json", str(files[0]), "--html", str(files[1])])
    assert not ended.value.code
    return json.loads(files[0].read_text()), files[1].read_text(), printed.getvalue()


def numbers(found: dict[str, Any]) -> dict[str, Any]:
    """Without what no two runs have in common: time."""
    served = {"degradations": found["served"]["degradations"]}
    return {key: value for key, value in found.items() if key != "seconds"} | {"served": served}


class Links(HTMLParser):
    """Every address that a page would fetch or lead to, and how deep its tags are nested when it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attributes if name in ("href", "src", "xlink:href", "srcset")]
        if tag != "meta":  # which has no end
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_json_has_every_strategy_and_baseline_by_the_names_that_others_rely_on(
    evaluated: tuple[dict[str, Any], str, str],
) -> None:
    found, _, _ = evaluated
    assert found["protocol"] == "temporal"
    assert found["cutoff"].startswith("2024-05-2")
    assert {"hybrid", "linear", "recall.als", "recall.repeat"} | BASELINES <= set(found["strategies"])
    for name, one in found["strategies"].items():
        assert {"all", "new", "segments", "intervals", "fairness"} <= set(one)
        for metric in ("ndcg", "recall", "hit_rate", "mrr", "map", "precision"):
            for k in (5, 10, 20):
                value = one["all"][f"{metric}@{k}"]
                low, high = one["intervals"]["all"][f"{metric}@{k}"]
                assert 0 <= low <= value <= high <= 1, name
        assert {"coverage@20", "gini@20", "novelty@20", "tail_share@20", "diversity@20"} <= set(one["all"])
    assert found["descriptions"].keys() == found["strategies"].keys()
    assert set(found["features"]["groups"]) == set(found["features"]["by_group"])
    assert found["served"]["p50_ms"]["hybrid"] > 0
    assert 0 < found["scorer"]["candidates"] <= found["scorer"]["most_candidates"] <= 600
    timed = {"read", "train", "tune baselines", "fit baselines", "rank baselines", "rank strategies", "judge"}
    assert timed <= set(found["seconds"])
    hybrid = found["strategies"]["hybrid"]
    assert hybrid["all"]["ndcg@10"] > found["strategies"]["popular"]["all"]["ndcg@10"] > 0
    assert hybrid["all"]["diversity@20"] > 0
    assert {"history", "popularity"} <= set(hybrid["segments"])
    assert found["served"]["degradations"] == {}


def test_one_seed_gives_the_same_numbers_and_the_table_and_report_show_them(
    evaluated: tuple[dict[str, Any], str, str], run: Run, small_shop: Path, earlier_bundle: Path, tmp_path: Path
) -> None:
    found, report, printed = evaluated
    again = tmp_path / "again.json"
    run("evaluate", "--config", small_shop, "--holdout-days", DAYS, "--bundle", earlier_bundle, "--json", again)
    assert numbers(json.loads(again.read_text())) == numbers(found)
    ndcg = f"{found['strategies']['hybrid']['all']['ndcg@10']:.4f}"
    assert ndcg in printed
    assert ndcg in report


def test_the_report_needs_no_other_file(evaluated: tuple[dict[str, Any], str, str]) -> None:
    _, report, _ = evaluated
    links = Links()
    links.feed(report)
    assert links.found == []
    assert links.open == []
    assert "http" not in report.replace("<!doctype html>", "")
    assert "url(" not in report
    assert report.count("<svg") >= 8


def test_where_nobody_went_for_anything_new_the_report_says_so(evaluated: tuple[dict[str, Any], str, str]) -> None:
    found = deepcopy(evaluated[0])
    found["counts"]["shoppers_new"] = 0
    for one in found["strategies"].values():
        one["new"] = {"coverage@20": 0.0, "gini@20": None}
        one["intervals"]["new"] = {}
    for against in found["comparisons"].values():
        del against["new"]
    del found["recall_ceiling"]["new"]
    found["scorer"] |= {"auc": None, "auc_per_shopper": None}
    assert "Nobody went for any of these." in page(found)


def test_a_bundle_that_saw_the_window_is_refused(run: Run, small_shop: Path, trained_bundle: Path) -> None:
    ended = run("evaluate", "--config", small_shop, "--holdout-days", DAYS, "--bundle", trained_bundle)
    assert ended.code == 2
    assert "has learned from events up to 2024-05-29" in ended.errors
    assert "the test window begins at 2024-05-23" in ended.errors


def test_what_cannot_be_done_is_said_before_anything_is_read(run: Run, small_shop: Path, tmp_path: Path) -> None:
    ended = run("evaluate", "--config", small_shop, "--json", tmp_path / "no such folder" / "out.json")
    assert ended.code == 2
    assert "found no folder" in ended.errors
    (tmp_path / "taken").mkdir()
    assert (
        "found a folder, expected the name of a file"
        in run("evaluate", "--config", small_shop, "--html", tmp_path / "taken").errors
    )
    both = tmp_path / "out"
    same = run("evaluate", "--config", small_shop, "--html", both, "--json", both)
    assert (same.code, "the same file for --json and --html" in same.errors) == (2, True)


@pytest.mark.parametrize("more", [("--protocol", "leave_one_out"), ("--ablate",)])
def test_a_bundle_goes_with_neither_of_the_options_that_train_their_own(
    run: Run, small_shop: Path, trained_bundle: Path, more: tuple[str, ...]
) -> None:
    ended = run("evaluate", "--config", small_shop, "--bundle", trained_bundle, *more)
    assert ended.code == 2
    assert "--bundle does not go with" in ended.errors


def test_leave_one_out_judges_events_that_have_an_order_and_no_dates(
    run: Run, small_shop: Path, tmp_path: Path
) -> None:
    config = write_small_shop(tmp_path, f'windows = 1\n\n[text]\nmodel = "{small_shop.parent / "bert"}"\n')
    events = pl.read_parquet(tmp_path / "events.parquet").with_columns(time=pl.col("time").rank("dense").cast(pl.Int64))
    events.write_parquet(tmp_path / "events.parquet")
    config.write_text(config.read_text().replace("horizon_days = 7", "horizon_days = 28"))
    ended = run("evaluate", "--config", config, "--protocol", "leave_one_out", "--json", tmp_path / "out.json")
    assert ended.code == 0, ended.errors
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["protocol"], found["cutoff"]) == ("leave_one_out", None)
    assert found["counts"]["true_items_all"] == found["counts"]["shoppers_all"] > 50
    hybrid, chance = (found["strategies"][name]["intervals"]["all"]["ndcg@10"] for name in ("hybrid", "random"))
    assert hybrid[0] > chance[1]


LEAN = """
[strategies.lean]
recall = [{ use = "repeat", limit = 30 }, { use = "popular", limit = 30 }]
hydrate = ["shopper_item", "item_stats"]
score = "trees"
"""


def test_ablation_shows_what_each_source_and_feature_group_is_worth(run: Run, small_shop: Path, tmp_path: Path) -> None:
    config = write_small_shop(tmp_path, f'windows = 1\n\n[text]\nmodel = "{small_shop.parent / "bert"}"\n{LEAN}')
    config.write_text(config.read_text().replace('"corner"', '"corner"\ndefault_strategy = "lean"'))
    out = tmp_path / "out.json", tmp_path / "out.html"
    ended = run(
        *("evaluate", "--config", config, "--holdout-days", DAYS, "--ablate", "--json", out[0], "--html", out[1])
    )
    assert ended.code == 0, ended.errors
    found = json.loads(out[0].read_text())
    rows = {each["without"]: each for each in found["ablation"]}
    assert {name: row["kind"] for name, row in rows.items()} == {
        "repeat": "recall source",
        "popular": "recall source",
        "shopper_item": "feature group",
        "item_stats": "feature group",
    }
    whole = found["strategies"]["lean"]["all"]["ndcg@10"]
    for row in rows.values():
        assert row["cost"]["all"]["ndcg@10"]["difference"] == pytest.approx(whole - row["all"]["ndcg@10"], abs=2e-6)
    assert rows["repeat"]["cost"]["all"]["ndcg@10"]["interval"][0] > 0.1  # most of what is bought is bought again
    assert all(row["p50_ms"] > 0 for row in rows.values())
    assert "What each part is worth" in out[1].read_text()
