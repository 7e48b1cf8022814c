from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from endcap.bundle.folder import Part
from endcap.bundle.writer import BundleWriter, PartWriter
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query
from endcap.strategies.score.forest import Forest
from endcap.strategies.score.net import Net
from endcap.strategies.score.trees import Blend, Trees, TreesConfig
from endcap.strategies.testing import tiny_bundle
from endcap.training.parallel import workers
from endcap.training.progress import silent
from endcap.training.ranker import fit
from endcap.training.ranker.fit import (
    Course,
    Ranker,
    best_share,
    fit_ranker,
    fit_rankers,
    mean_ndcg,
    share_of,
    write_ranker,
)
from endcap.training.ranker.rows import Rows

NAMES = ["display=front, end", 'brand="A"', "plain.name"]
NOBODY = Query(now=0)


def rows(groups: int = 40, size: int = 30, seed: int = 1, telling: int = 1) -> Rows:
    """Groups whose positives are high in column ``telling``."""
    random = np.random.default_rng(seed)
    features = random.random((groups * size, len(NAMES))).astype(np.float32)
    labels = (features[:, telling] + 0.3 * random.random(len(features)) > 0.9).astype(np.int8)
    return Rows(features, labels, np.full(groups, size, np.int32), np.arange(groups, dtype=np.int32))


@pytest.fixture
def with_net(monkeypatch: pytest.MonkeyPatch) -> Ranker:
    monkeypatch.setattr(fit, "WORTH_NET", 100)
    return fit_ranker(rows(), 7, silent)


def test_few_lessons_make_no_network() -> None:
    ranker = fit_ranker(rows(), 7, silent)
    assert ranker.net is None
    assert ranker.blend.share == 0
    np.testing.assert_array_equal(
        ranker.scores(rows().features), np.asarray(ranker.trees.predict(rows().features, raw_score=True), np.float32)
    )


def test_names_that_lightgbm_would_change_or_refuse_are_kept(tmp_path: Path) -> None:
    write_ranker(PartWriter(tmp_path), fit_ranker(rows(), 7, silent), NAMES)
    assert Part(tmp_path).json("features") == NAMES


def test_the_written_model_predicts_as_the_fitted_one_and_says_nothing_of_the_machine(tmp_path: Path) -> None:
    data = rows()
    booster = fit_ranker(data, 7, silent).trees
    write_ranker(PartWriter(tmp_path), fit_ranker(data, 7, silent), NAMES)
    text = (tmp_path / "model.txt").read_text()
    assert "num_threads" not in text
    read = lightgbm.Booster(model_str=text)
    assert read.num_trees() == booster.num_trees()
    np.testing.assert_array_equal(read.predict(data.features), booster.predict(data.features))
    assert len(Forest.parse(text).roots) == booster.num_trees()


def opened(folder: Path, ranker: Ranker, **settings: Any) -> Trees:
    def write(writer: BundleWriter) -> None:
        write_ranker(writer.part("ranker"), ranker, NAMES)

    return Trees(TreesConfig(**settings), tiny_bundle(folder, write))


def test_a_server_scores_by_trees_and_network_as_training_does(tmp_path: Path, with_net: Ranker) -> None:
    features = rows(seed=2).features[:50]
    candidates = Candidates(np.arange(50, dtype=np.int32)).with_block(NAMES, features)
    scorer = opened(tmp_path, with_net)
    scores = scorer.score(NOBODY, candidates)
    np.testing.assert_allclose(scores, with_net.scores(features), atol=1e-6)
    without = opened(tmp_path / "without", with_net, net=False)
    np.testing.assert_array_equal(without.score(NOBODY, candidates), with_net.with_share(0.0).scores(features))
    assert np.abs(scores - without.score(NOBODY, candidates)).max() > 0.01


def test_the_column_that_tells_moves_the_blended_scores_most(tmp_path: Path, with_net: Ranker) -> None:
    features = rows(seed=2).features[:50]
    candidates = Candidates(np.arange(50, dtype=np.int32)).with_block(NAMES, features)
    parts = opened(tmp_path, with_net).contributions(NOBODY, candidates)
    assert parts.shape == features.shape
    assert np.abs(parts).mean(axis=0).argmax() == 1


def test_a_share_of_none_leaves_the_network_unread(tmp_path: Path, with_net: Ranker) -> None:
    assert opened(tmp_path, with_net.with_share(0.0)).net is None


def test_the_share_is_what_ranks_unseen_rows_best(with_net: Ranker) -> None:
    useless = with_net.net
    assert useless is not None
    negated = Net(**{**vars(useless), "last": -useless.last, "last_bias": -useless.last_bias})
    assert best_share(Ranker(with_net.trees, negated, Blend(0.5, 1.0)), rows(seed=3)) == 0.0
    by_another_column = fit_ranker(rows(telling=2), 7, silent)
    assert best_share(Ranker(by_another_column.trees, useless, Blend(0.5, 1.0)), rows(seed=3)) == max(fit.SHARES)
    assert best_share(with_net, Rows.joined([])) == fit.SHARE


def test_the_share_of_a_bundle_is_read_back(tmp_path: Path, with_net: Ranker) -> None:
    bundle = tiny_bundle(tmp_path, lambda writer: write_ranker(writer.part("ranker"), with_net.with_share(0.25), NAMES))
    assert share_of(bundle) == 0.25
    assert share_of(tiny_bundle(tmp_path / "none")) == fit.SHARE


def test_ndcg_of_groups_agrees_with_a_hand_calculation() -> None:
    two = Rows(
        np.zeros((5, 1), np.float32),
        np.array([0, 1, 1, 1, 0], np.int8),
        np.array([3, 2], np.int32),
        np.array([0, 1], np.int32),
    )
    scores = np.array([0.9, 0.8, 0.1, 0.2, 0.7], np.float32)  # found at places 2 and 3; at place 2
    first = (1 / np.log2(3) + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert mean_ndcg(scores, two) == pytest.approx((first + 1 / np.log2(3)) / 2)


def test_rankers_fitted_side_by_side_are_those_fitted_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each from its own courses' rows and columns, whoever fits trees and network."""
    parts = [rows(groups=400, seed=seed, telling=telling) for seed, telling in ((1, 1), (2, 1), (3, 2))]
    folders = [part.save(tmp_path / str(place)) for place, part in enumerate(parts)]
    courses = [Course(folders[:2], 7), Course(folders[1:], 8, {"num_leaves": 7}, [0, 2])]
    monkeypatch.setattr(fit, "WORTH_PROCESSES", 0)
    with workers(silent, 2) as pool:
        found = fit_rankers(pool, courses, silent)
    for course, ranker in zip(courses, found, strict=True):
        alone = fit_ranker(course.rows(), course.seed, silent, course.others)
        features = course.rows().features[:200]
        assert ranker.net is not None
        np.testing.assert_array_equal(ranker.scores(features), alone.scores(features))
    assert found[1].trees.num_feature() == 2


def test_rows_are_read_back_as_they_were_saved(tmp_path: Path) -> None:
    kept = Rows.open(rows().save(tmp_path / "rows"))
    assert [values.tobytes() for values in kept] == [values.tobytes() for values in rows()]
