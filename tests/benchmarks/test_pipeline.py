"""The harness that compares Endcap's pipeline with a plain one: that both rank the same, and what it writes."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from endcap.bundle.folder import Bundle, open_bundle
from endcap.strategies import pipeline as ranking

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    """The module ``benchmarks.pipeline``; it counts processor time while it is imported here, and not after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        patch.setattr(ranking, "clock", ranking.clock)  # put back in the end
        yield importlib.import_module("benchmarks.pipeline")


@pytest.fixture(scope="module")
def bundle(trained_bundle: Path) -> Bundle:
    return open_bundle(trained_bundle, verify=False)


@pytest.fixture(scope="module")
def contenders(bench: Any, bundle: Bundle) -> tuple[Any, Any]:
    return bench.Ours(bundle), bench.Plain(bundle)


def test_both_recall_the_same_candidates_and_rank_them_alike(
    bench: Any, bundle: Bundle, contenders: tuple[Any, Any]
) -> None:
    requests = [bench.Request(user) for user in bench.shoppers(bundle, 30, 1)]
    agreed = bench.agreement(*contenders, requests)
    assert agreed.shared_candidates == 1.0
    assert agreed.equal_slates >= 0.9  # implicit solves in float32: what is nearly as near may change places
    assert agreed.shared_slate >= 0.98


def test_both_answer_searches_alike_by_the_same_vector(bench: Any, bundle: Bundle, contenders: tuple[Any, Any]) -> None:
    texts = bench.searches(bundle, 20, 1)
    users = bench.shoppers(bundle, 20, 1)
    requests = [bench.Request(user, text) for user, text in zip(users, texts, strict=True)]
    agreed = bench.agreement(*contenders, requests)
    assert agreed.shared_candidates == 1.0
    assert agreed.equal_slates == 1.0


def test_slates_in_another_order_are_not_alike(bench: Any, bundle: Bundle, contenders: tuple[Any, Any]) -> None:
    ours, _ = contenders
    answer = ours(bench.Request(bench.shoppers(bundle, 1, 1)[0]))
    swapped = answer._replace(items=answer.items[::-1], scores=answer.scores[::-1])
    assert bench.same_order(answer, answer)
    assert not bench.same_order(answer, swapped)


def test_a_contest_counts_every_stage_once_a_request(bench: Any, bundle: Bundle, contenders: tuple[Any, Any]) -> None:
    ours, plain = contenders
    requests = [bench.Request(user) for user in bench.shoppers(bundle, 5, 1)]
    found = bench.contest({"ours": ours, "plain": plain}, [requests] * 3)
    for measured in found.values():
        assert 0 < sum(measured.stages_ms.values()) <= measured.cpu_ms * 1.05
        assert {"factors", "embeddings", "other recall", "merge and features", "score", "select"} <= set(
            measured.stages_ms
        )


def test_trees_give_what_lightgbm_gives_to_the_last_bit(
    bench: Any, bundle: Bundle, contenders: tuple[Any, Any]
) -> None:
    requests = [bench.Request(user) for user in bench.shoppers(bundle, 30, 1)]
    trees = bench.trees_of(bundle, requests, contenders[0], 1)
    assert trees["max_abs_diff"] == 0.0


def test_the_json_has_the_names_that_others_read(
    bench: Any, trained_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.json"
    arguments = ["--bundle", str(trained_bundle), "--json", str(out), "--rounds", "1", "--requests", "3"]
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments, "--no-ndcg", "--no-synthetic"])
    monkeypatch.setattr(bench.Plain, "__call__", bench.Plain.with_given_vector)
    bench.main()
    found = json.loads(out.read_text())
    assert set(found["cpu_ratio"]) == set(found["p50_ms"]) == {"no_text", "text"}
    assert found["ndcg"] == {"plain": None, "ours": None}
    assert {"cpu_ratio", "max_abs_diff"} <= set(found["trees"])
    plain, ours = (found["measured"]["no_text"][name]["cpu_ms"] for name in ("plain", "ours"))
    assert found["cpu_ratio"]["no_text"] == pytest.approx(plain / ours, rel=1e-2)
