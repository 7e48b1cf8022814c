"""That no number is better than it should be: what the window holds is never learned from, and noise teaches nothing.

That features of a row do not change with what came later is tested where rows are made, in ../ranker/test_rows.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.pipeline import Run, gather
from endcap.strategies.tables import ready_made
from endcap.training.config import ShopConfig, TextConfig
from endcap.training.evaluate.evaluation import bundle_for
from endcap.training.evaluate.metrics import binary_ideal, ndcg
from endcap.training.evaluate.protocol import in_window
from endcap.training.progress import silent
from endcap.training.ranker.fit import Ranker, fit_ranker
from endcap.training.ranker.rows import Rows, Task, collect, columns_of, gathering, query_of
from endcap.training.ranker.windows import Window, cut, labels_in
from endcap.training.shop import Shop

from ...support.small_bert import write_model
from ..made import busy_shop, config_of, snapshot

TABLE: dict[str, Any] = ready_made()["hybrid"]
SHUFFLES, RANKERS = 200, 8


@pytest.fixture(scope="module")
def shop() -> Shop:
    return busy_shop(users=60, items=60)


@pytest.fixture(scope="module")
def lessons(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Two windows to learn from, before the one to judge by."""
    earlier = cut(shop, 14.0, 3)[1:]
    return Rows.joined([collect(task_of(shop, window, tmp_path_factory.mktemp("w"))[1]) for window in earlier])


def task_of(shop: Shop, window: Window, folder: Path) -> tuple[Bundle, Task]:
    bundle, labels = snapshot(shop.before(window.cutoff), folder), labels_in(shop, window)
    truths = [labels.of(place) for place in range(len(labels.users))]
    return bundle, Task(bundle.folder, bundle.manifest, TABLE, labels.users.tolist(), truths, seed=5)


@pytest.fixture(scope="module")
def exam(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Array, Array]]:
    """Features of all candidates, and which are true, of every shopper of the last window."""
    bundle, task = task_of(shop, cut(shop, 14.0, 3)[0], tmp_path_factory.mktemp("exam"))
    strategy = gathering(bundle, TABLE)
    found = []
    for user, truth in zip(task.users, task.truths, strict=True):
        candidates = gather(strategy, query_of(bundle, user), Run())
        labels = np.isin(candidates.items, truth)
        if labels.any():
            found.append((candidates.matrix(columns_of(strategy)), labels))
    return found


def quality(labels: Array, scores: Array) -> Array:
    """NDCG@10 of each row of scores (float[n, candidates]) for one shopper's labels (bool[candidates])."""
    order = np.argsort(-scores, axis=1, kind="stable")
    return ndcg(labels[order], binary_ideal(np.array([labels.sum()]), 10), 10)


def of_ranker(ranker: Ranker, exam: list[tuple[Array, Array]]) -> float:
    return float(np.mean([quality(labels, ranker.scores(rows)[None]) for rows, labels in exam]))


def of_chance(exam: list[tuple[Array, Array]]) -> float:
    """The same candidates, shuffled."""
    random = np.random.default_rng(3)
    return float(np.mean([quality(labels, random.random((SHUFFLES, len(labels)))) for _, labels in exam]))


def with_shuffled_labels(rows: Rows, seed: int) -> Rows:
    """Each shopper keeps as many positives, on other candidates."""
    random = np.random.default_rng(seed)
    parts = np.split(rows.labels, np.cumsum(rows.sizes)[:-1])
    return rows._replace(labels=np.concatenate([random.permutation(part) for part in parts]))


def test_training_on_shuffled_labels_falls_to_the_level_of_shuffled_candidates(
    lessons: Rows, exam: list[tuple[Array, Array]]
) -> None:
    chance = of_chance(exam)
    rankers = [fit_ranker(with_shuffled_labels(lessons, seed), seed, silent) for seed in range(RANKERS)]
    ahead = np.array([of_ranker(ranker, exam) for ranker in rankers]) - chance
    error = 2.36 * ahead.std(ddof=1) / RANKERS**0.5  # Student's t, 95 %, 7 degrees of freedom
    assert abs(ahead.mean()) <= error
    assert of_ranker(fit_ranker(lessons, 1, silent), exam) > chance + 3 * error > chance


@pytest.mark.slow
def test_what_happens_in_the_test_window_changes_no_byte_of_the_bundle(tmp_path: Path, shop: Shop) -> None:
    """Fits, tuning of thresholds and early stopping included: the whole of what `evaluate` trains."""
    write_model(tmp_path / "bert")
    config = config_of(windows=1).model_copy(update={"text": TextConfig(model=str(tmp_path / "bert"))})
    cutoff = shop.data_end - 14 * 86_400
    files = [trained_files(each, cutoff, config, tmp_path) for each in (shop, with_another_window(shop, cutoff))]
    assert files[0] == files[1]
    assert files[0] != trained_files(with_another_window(shop, cutoff - 86_400), cutoff, config, tmp_path)


def trained_files(shop: Shop, cutoff: int, config: ShopConfig, scratch: Path) -> dict[str, str]:
    holdout = in_window(shop, cutoff, shop.data_end, seed=7)
    manifest = bundle_for(holdout, config, scratch / "bundles", silent).manifest
    return {**manifest.files, "metrics": str(manifest.metrics)}


def with_another_window(shop: Shop, cutoff: int) -> Shop:
    """The same shop, but for what was bought from the cut-off on, and when."""
    random = np.random.default_rng(9)
    items, times = shop.log.items.copy(), shop.log.times.copy()
    later = np.flatnonzero(times >= cutoff)
    items[later] = random.permutation(items[later])
    times[later] = random.integers(cutoff, shop.data_end, len(later))
    order = np.lexsort((items, times, shop.users))
    return replace(shop, users=shop.users[order], log=replace(shop.log, items=items, times=times).rows(order))
