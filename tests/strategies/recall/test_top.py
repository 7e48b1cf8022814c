from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.strategies.recall.top import FEW, MANY, top

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


@given(ROWS, st.integers(0, 35), st.randoms(use_true_random=False))
def test_of_named_items_the_top_goes_by_score_then_item(
    rows: list[tuple[float, bool]], limit: int, random: Random
) -> None:
    numbers = random.sample(range(100), len(rows))
    allowed = np.zeros(100, np.bool_)
    allowed[[number for number, (_, may) in zip(numbers, rows, strict=True) if may]] = True
    found = top(np.array([score for score, _ in rows]), limit, allowed, np.array(numbers, np.int32))
    pairs = [(score, number) for number, (score, may) in zip(numbers, rows, strict=True) if score > 0 and may]
    best = sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[:limit]
    assert list(zip(found.scores.tolist(), found.items.tolist(), strict=True)) == best


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    count=st.sampled_from([0, 1, 63, 300, FEW, FEW + 1, MANY - 1, MANY, MANY + 77]),
    limit=st.sampled_from([1, 40, 300, 2000]),
    rising=st.booleans(),
    single=st.booleans(),
    values=st.sampled_from([3, 10**6]),
)
def test_however_many_there_are_the_top_is_what_sorting_finds(
    seed: int, count: int, limit: int, rising: bool, single: bool, values: int
) -> None:
    random = np.random.default_rng(seed)
    numbers = random.permutation(3 * count)[:count].astype(np.int32)
    numbers = np.sort(numbers) if rising else numbers
    scores = random.integers(-values // 2, values, count) / values
    scores[random.random(count) < 0.1] = np.nan
    scores = scores.astype(np.float32) if single else scores
    allowed = random.random(3 * count) < 0.8
    found = top(scores, limit, allowed, numbers)
    good = np.flatnonzero((scores > 0) & allowed[numbers])
    best = good[np.lexsort((numbers[good], -scores[good]))][:limit]
    np.testing.assert_array_equal(found.items, numbers[best])
    np.testing.assert_array_equal(found.scores, scores[best].astype(np.float32))


def test_a_score_that_is_not_a_number_is_never_proposed() -> None:
    assert top(np.array([np.nan, 1.0, np.nan, 2.0]), 4).items.tolist() == [3, 1]
