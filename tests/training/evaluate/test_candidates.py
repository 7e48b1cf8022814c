from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from endcap.bundle.folder import Bundle
from endcap.strategies.contract import Query
from endcap.training.evaluate.candidates import CANDIDATES, UNION, Task, find_share, score_share
from endcap.training.evaluate.protocol import Holdout, temporal
from endcap.training.evaluate.questions import Translation, for_new, questions
from endcap.training.evaluate.ranking import Opening
from endcap.training.evaluate.truth import Truth

from ..made import busy_shop, snapshot

SOURCES = ("repeat", "popular")
TABLE: dict[str, Any] = {
    "recall": [{"use": "repeat", "limit": 6}, {"use": "popular", "limit": 12}],
    "score": "by_source",
    "select": "top_k",
    "candidates": 9,
}


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    return temporal(busy_shop(), 20, seed=1)


@pytest.fixture(scope="module")
def bundle(holdout: Holdout, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return snapshot(holdout.known, tmp_path_factory.mktemp("bundles"))


def task_of(holdout: Holdout, bundle: Bundle, truth: Truth, new: bool = False, **changed: Any) -> Task:
    rows = np.arange(len(holdout.users))
    asked = questions(holdout, Translation.between(holdout.known, bundle), rows)
    return Task(Opening(bundle.folder, bundle.manifest, {"mine": {**TABLE, **changed}}), "mine", asked, truth, new)


def proposed(bundle: Bundle, query: Query, source: str) -> set[int]:
    """What one source alone proposes at its limit."""
    from endcap.strategies.shelf import Shelf

    table = {**TABLE, "recall": [use for use in TABLE["recall"] if use["use"] == source]}
    (only,) = Shelf(bundle).strategy("alone", table).recall
    return set(only.component.recall(query, only.limit).items[: only.limit].tolist())


@pytest.mark.parametrize("new", [False, True])
def test_the_ceiling_counts_what_each_source_proposes_and_what_is_left_of_their_union(
    holdout: Holdout, bundle: Bundle, new: bool
) -> None:
    truth = holdout.new if new else holdout.truth
    task = task_of(holdout, bundle, truth, new)
    found = find_share(task)
    for row, query in enumerate(task.queries):
        asked, true = for_new(query, 40) if new else query, set(truth.of(row).tolist())
        parts = [proposed(bundle, asked, source) & true for source in SOURCES]
        assert [found[source][row] for source in SOURCES] == [len(part) for part in parts]
        assert found[UNION][row] == len(parts[0] | parts[1])
    assert (found[CANDIDATES] <= found[UNION]).all()
    assert found[CANDIDATES].sum() < found[UNION].sum(), "the cut costs something here"
    if new:
        assert not found["repeat"].any()


def test_without_a_cut_every_proposal_is_a_candidate(holdout: Holdout, bundle: Bundle) -> None:
    found = find_share(task_of(holdout, bundle, holdout.truth, candidates=500))
    assert found[CANDIDATES].tolist() == found[UNION].tolist()


def test_what_is_scored_are_the_candidates_that_are_left(holdout: Holdout, bundle: Bundle) -> None:
    task = task_of(holdout, bundle, holdout.truth)
    scored, found = score_share(task), find_share(task)
    assert scored.sizes.tolist() == [9] * len(task.queries)
    assert len(scored.scores) == len(scored.labels) == scored.sizes.sum()
    assert [part.sum() for part in np.split(scored.labels, len(task.queries))] == found[CANDIDATES].tolist()
