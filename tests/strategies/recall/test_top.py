from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from endcap.strategies.recall.top import permitted, ranked, top

ROWS = st.lists(st.tuples(st.sampled_from([-2.0, -0.5, 0.0, 0.25, 0.5, 1.0, 3.0]), st.booleans()), max_size=30)


@given(ROWS, st.integers(0, 35))
def test_the_top_is_what_sorting_everything_finds(rows: list[tuple[float, bool]], limit: int) -> None:
    scores, allowed = np.array([score for score, _ in rows], np.float32), np.array([may for _, may in rows], np.bool_)
    found = top(scores, limit, allowed)
    best = sorted((n for n, (score, may) in enumerate(rows) if score > 0 and may), key=lambda n: (-rows[n][0], n))[
        :limit
    ]
    assert found.items.tolist() == best
    assert found.scores.tolist() == [rows[item][0] for item in best]
    assert (str(found.items.dtype), str(found.scores.dtype)) == ("int32", "float32")


def test_without_a_filter_every_item_may_be_proposed() -> None:
    assert top(np.array([0.5, -1, 2, 0.5]), 3).items.tolist() == [2, 0, 3]


def test_scores_are_not_changed() -> None:
    scores = np.array([1.0, 2.0], np.float32)
    scores.setflags(write=False)
    assert top(scores, 1, np.array([True, False])).items.tolist() == [0]


def test_ranking_orders_by_score_then_item_and_cuts() -> None:
    found = ranked(np.array([9, 4, 7, 1]), np.array([1.0, 2.0, 2.0, 0.5]), 3)
    assert (found.items.tolist(), found.scores.tolist()) == ([4, 7, 9], [2, 2, 1])


def test_only_what_scores_and_is_allowed_is_permitted() -> None:
    items, scores = np.array([0, 1, 2]), np.array([1.0, 0.0, 3.0])
    assert permitted(items, scores, None)[0].tolist() == [0, 2]
    assert permitted(items, scores, np.array([False, True, True]))[0].tolist() == [2]
