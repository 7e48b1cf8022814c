"""What the order of a search adds to what was learned, beside the same in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query
from endcap.strategies.merge import vote
from endcap.strategies.score.linear import Linear
from endcap.strategies.score.search import SearchScorer, SearchScorerConfig
from endcap.strategies.testing import made

QUERY = Query(now=0, text="milk")
PRIOR = {"likes": 0.5, "buys": 0.25}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return made.tiny_bundle(tmp_path_factory.mktemp("bundle"))


def scorer(bundle: Bundle, agreement: float) -> SearchScorer:
    return SearchScorer(SearchScorerConfig(weights={"near": 1.0}, prior=PRIOR, agreement=agreement), bundle)


def candidates(near: Array, likes: Array, buys: Array, words: Array, meaning: Array) -> Candidates:
    made_up = Candidates(np.arange(len(near), dtype=np.int32))
    columns = {"near": near, "likes": likes, "buys": buys, "lexical.rank": words, "text.rank": meaning}
    for name, values in columns.items():
        made_up = made_up.with_column(name, np.asarray(values, np.float32))
    return made_up


def plainly(given: Candidates, base: Array, agreement: float) -> Array:
    """float64[n]."""
    votes = np.nan_to_num(vote(given.matrix(("lexical.rank", "text.rank")))).astype(np.float64)
    votes -= votes.mean(axis=0)
    spread = votes.sum(axis=1).std()
    votes = votes * (agreement * (base.std() or 1.0) / spread) if spread > 1e-9 else np.zeros_like(votes)
    values = np.maximum(np.nan_to_num(given.matrix(tuple(PRIOR)).astype(np.float64)), 0)
    scale = (base + votes.sum(axis=1)).std() or 1.0
    leanings: Array = scale * np.array(list(PRIOR.values())) * values / (1 + values)
    return np.asarray(base + votes.sum(axis=1) + leanings.sum(axis=1), np.float64)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40), st.floats(0, 6), st.floats(0, 1))
def test_votes_and_leanings_are_added_on_the_scale_of_the_scores(
    bundle: Bundle, seed: int, count: int, agreement: float, lacking: float
) -> None:
    random = np.random.default_rng(seed)
    near, likes, buys = random.normal(size=count), random.normal(3, 5, count), random.exponential(2, count)
    ranks = random.permuted(np.tile(np.arange(1.0, count + 1), (2, 1)), axis=1)
    for column in (likes, *ranks):
        column[random.random(count) < lacking] = np.nan
    given = candidates(near, likes, buys, *ranks)
    found = scorer(bundle, agreement)
    assert isinstance(found.base, Linear)  # the bundle has no learned one
    base = found.base.score(QUERY, given)
    expected = plainly(given, base.astype(np.float64), agreement)
    np.testing.assert_allclose(found.score(QUERY, given), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.contributions(QUERY, given).sum(axis=1), expected, rtol=1e-4, atol=1e-4)


def test_where_no_source_proposed_anything_the_scores_and_what_is_liked_decide(bundle: Bundle) -> None:
    nothing, alike = np.full(3, np.nan), np.zeros(3)
    given = candidates(alike, np.array([0.0, 1.0, 3.0]), alike, nothing, nothing)
    np.testing.assert_allclose(scorer(bundle, 4.0).score(QUERY, given), [0.0, 0.25, 0.375])


def test_without_candidates_there_are_no_scores(bundle: Bundle) -> None:
    none = np.empty(0)
    assert len(scorer(bundle, 4.0).score(QUERY, candidates(none, none, none, none, none))) == 0
