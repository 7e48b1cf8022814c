from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.strategies.batch import SCORE, Candidates, Recalled
from endcap.strategies.contract import Boost, Feature, Query, ReasonCode
from endcap.strategies.pipeline import Run, Slate, execute, gather
from endcap.strategies.reasons import BOOST
from endcap.strategies.select.top_k import TopK, TopKConfig
from endcap.strategies.strategy import Source, Strategy
from endcap.strategies.testing import Only

from .fakes import NOW, Failing, GroupsOnly, Keeping, Proposing, Scoring, Telling, events_of, strategy_of

NOBODY = Query(now=NOW)
BY_NUMBER = Telling((Feature("number"),), lambda items: items)


def ranked(strategy: Strategy, query: Query = NOBODY) -> list[int]:
    items: list[int] = execute(strategy, query).items.tolist()
    return items


def failures(slate: Slate) -> list[tuple[str, str]]:
    return [(each.stage, each.component) for each in slate.run.degradations]


def test_stages_run_in_the_order_recall_merge_hydrate_filter_score_select_explain() -> None:
    strategy = strategy_of(
        recall={"one": Proposing([1]), "two": Proposing([2])},
        hydrate={"facts": BY_NUMBER},
        keep={"all": Keeping(lambda items: items > 0)},
    )
    timings = execute(strategy, NOBODY).run.timings
    assert [(timing.stage, timing.component) for timing in timings] == [
        ("recall", "one"),
        ("recall", "two"),
        ("merge", "merge"),
        ("hydrate", "facts"),
        ("filter", "all"),
        ("score", "scorer"),
        ("select", "selector"),
        ("explain", "scorer"),
    ]
    assert all(timing.seconds >= 0 for timing in timings)


def test_hydrators_see_what_filters_drop_and_scorers_do_not() -> None:
    seen: list[int] = []

    def tell(items: Array) -> Array:
        seen.extend(items.tolist())
        return items

    strategy = strategy_of(
        recall={"a": Proposing([1, 2, 3])},
        hydrate={"facts": Telling((Feature("number"),), tell)},
        keep={"odd": Keeping(lambda items: items % 2 == 1)},
    )
    slate = execute(strategy, NOBODY)
    assert seen == [1, 2, 3]
    assert (sorted(slate.items), slate.considered) == ([1, 3], 2)


def test_a_slate_has_the_size_that_was_asked_for_best_first() -> None:
    strategy = strategy_of({"a": Proposing(range(50))}, {"facts": BY_NUMBER}, score=Scoring(("number",)))
    slate = execute(strategy, replace(NOBODY, size=3))
    assert slate.items.tolist() == [49, 48, 47]
    assert slate.scores.tolist() == [49, 48, 47]
    assert slate.considered == 50


def test_how_many_each_source_proposed_and_each_filter_dropped_is_counted() -> None:
    strategy = strategy_of(
        recall={"a": Proposing([1, 2, 3]), "none": Proposing([])},
        keep={"first": Keeping(lambda items: items > 1), "second": Keeping(lambda items: items > 2)},
    )
    run = execute(strategy, NOBODY).run
    assert run.recalled == {"a": 3, "none": 0}
    assert run.dropped == {"first": 1, "second": 1}


def test_a_recall_source_that_raises_costs_its_part_and_is_named() -> None:
    slate = execute(strategy_of({"good": Proposing([1, 2]), "bad": Failing()}), NOBODY)
    assert sorted(slate.items) == [1, 2]
    assert [tuple(each) for each in slate.run.degradations] == [("recall", "bad", "RuntimeError: out of order")]
    assert np.isnan(slate.candidates.column("bad.rank")).all()


def test_a_hydrator_that_raises_costs_its_columns_and_is_named() -> None:
    strategy = strategy_of({"a": Proposing([1, 2])}, {"bad": Failing(), "facts": BY_NUMBER}, score=Scoring(("number",)))
    slate = execute(strategy, NOBODY)
    assert slate.items.tolist() == [2, 1]
    assert failures(slate) == [("hydrate", "bad")]
    assert np.isnan(slate.candidates.matrix(["lost"])).all()


def test_a_scorer_that_raises_leaves_the_order_of_recall_and_gives_no_reasons() -> None:
    slate = execute(strategy_of({"a": Proposing([5, 3, 9])}, score=Failing()), NOBODY)
    assert slate.items.tolist() == [5, 3, 9]
    assert failures(slate) == [("score", "scorer")]
    assert slate.reasons == ((), (), ())


def test_a_selector_that_raises_leaves_the_order_of_scores() -> None:
    strategy = strategy_of({"a": Proposing(range(9))}, {"f": BY_NUMBER}, score=Scoring(("number",)), select=Failing())
    slate = execute(strategy, replace(NOBODY, size=2))
    assert slate.items.tolist() == [8, 7]
    assert failures(slate) == [("select", "selector")]


def test_a_filter_that_raises_fails_the_request() -> None:
    with pytest.raises(RuntimeError, match="out of order"):
        execute(strategy_of({"a": Proposing([1])}, keep={"bad": Failing()}), NOBODY)


def test_an_explanation_that_fails_does_not_cost_the_slate() -> None:
    class Mute(Scoring):
        def contributions(self, query: Query, candidates: Candidates) -> Array:
            raise RuntimeError("no words")

    slate = execute(strategy_of({"a": Proposing([1, 2])}, score=Mute()), NOBODY)
    assert slate.items.tolist() == [1, 2]
    assert slate.reasons == ((), ())
    assert failures(slate) == [("explain", "scorer")]


def test_evidence_that_fails_does_not_cost_the_slate() -> None:
    class Forgetful(Telling):
        def evidence(self, query: Query, items: Array) -> Array:
            raise RuntimeError("forgotten")

    facts = Forgetful((Feature("number", ReasonCode.POPULAR),), lambda items: items)
    slate = execute(strategy_of({"a": Proposing([1, 2])}, {"f": facts}, score=Scoring(("number",))), NOBODY)
    assert slate.items.tolist() == [2, 1]
    assert failures(slate) == [("explain", "scorer")]


@dataclass
class Answering:
    """Gives one answer to whatever it is asked."""

    answer: Any
    requires: tuple[str, ...] = ()
    Config = Proposing.Config

    def _say(self, *_: object) -> Any:
        return self.answer

    recall = keep = score = select = _say

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        return np.empty((len(candidates), 0), np.float32)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        Recalled(np.array([1, 2], np.int32), np.zeros(3, np.float32)),
        Recalled(np.array([-1], np.int32), np.zeros(1, np.float32)),
        Recalled(np.array([1000], np.int32), np.zeros(1, np.float32)),
        Recalled(np.array([1.0]), np.zeros(1, np.float32)),
        Recalled(np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32)),
    ],
)
def test_a_recall_source_that_answers_nonsense_costs_its_part(answer: Any) -> None:
    slate = execute(strategy_of({"good": Proposing([4]), "bad": Answering(answer)}), NOBODY)
    assert slate.items.tolist() == [4]
    assert failures(slate) == [("recall", "bad")]


@pytest.mark.parametrize("answer", [None, np.zeros(2, np.float32), np.zeros((3, 1), np.float32), np.float32(1)])
def test_a_scorer_that_answers_nonsense_costs_the_fine_order(answer: Any) -> None:
    slate = execute(strategy_of({"a": Proposing([7, 5, 6])}, score=Answering(answer)), NOBODY)
    assert slate.items.tolist() == [7, 5, 6]
    assert failures(slate) == [("score", "scorer")]


@pytest.mark.parametrize("rows", [None, [0.0], [0, 0], [3], [-1], [True, False, True]])
def test_a_selector_that_answers_nonsense_costs_its_variety(rows: Any) -> None:
    answer = None if rows is None else np.array(rows)
    slate = execute(strategy_of({"a": Proposing([7, 5, 6])}, select=Answering(answer)), NOBODY)
    assert slate.items.tolist() == [7, 5, 6]
    assert failures(slate) == [("select", "selector")]


def test_a_selector_cannot_make_the_slate_longer_than_asked() -> None:
    strategy = strategy_of({"a": Proposing([7, 5, 6])}, select=Answering(np.array([2, 1, 0])))
    assert len(execute(strategy, replace(NOBODY, size=2)).items) == 2


@pytest.mark.parametrize("answer", [np.ones(3, np.int8), np.ones(2, np.bool_), np.ones((3, 1), np.bool_)])
def test_a_filter_that_answers_nonsense_fails_the_request(answer: Array) -> None:
    with pytest.raises(ValueError, match=r"bad: expected bool\[3\], found"):
        execute(strategy_of({"a": Proposing([7, 5, 6])}, keep={"bad": Answering(answer)}), NOBODY)


def test_a_source_that_proposes_more_than_its_limit_is_cut() -> None:
    many = Answering(Recalled(np.arange(300, dtype=np.int32), np.zeros(300, np.float32)))
    assert execute(strategy_of({"a": many}), NOBODY).run.recalled == {"a": 100}


def test_no_more_than_the_strategys_candidates_are_scored() -> None:
    slate = execute(strategy_of({"a": Proposing(range(90))}, candidates=30), replace(NOBODY, size=99))
    assert sorted(slate.items) == list(range(30))


def top_k(collapse_titles: bool) -> TopK:
    """Over a catalog in which ten items each have one title."""
    catalog = GroupsOnly({"title": np.arange(100, dtype=np.int32) // 10})
    bundle: Any = SimpleNamespace(catalog=catalog, once=lambda key, build: build())
    return TopK(TopKConfig(collapse_titles=collapse_titles), bundle)


def test_nan_ranks_below_every_score_and_ties_go_by_item_number() -> None:
    values = {1: np.nan, 2: -1e30, 3: 5.0, 4: 5.0, 5: np.nan, 6: -3.0}
    facts = Telling((Feature("f"),), lambda items: [values[item] for item in items.tolist()])
    strategy = strategy_of(
        {"a": Proposing([6, 5, 4, 3, 2, 1])}, {"x": facts}, score=Scoring(("f",)), select=top_k(False)
    )
    assert ranked(strategy) == [3, 4, 6, 2, 1, 5]


def test_a_callers_own_candidates_skip_recall_and_are_neither_cut_nor_collapsed() -> None:
    source, given = Proposing([1]), np.arange(40, dtype=np.int32)[::-1]
    strategy = strategy_of({"a": source}, select=top_k(True), candidates=5)
    slate = execute(strategy, replace(NOBODY, given=given, size=100))
    assert slate.items.tolist() == given.tolist()
    assert source.asked == []
    assert len(execute(strategy_of({"a": Proposing(range(40))}, select=top_k(True)), NOBODY).items) == 4


def test_where_nothing_can_be_scored_a_callers_own_order_stays() -> None:
    given = np.array([9, 2, 5], np.int32)
    assert ranked(strategy_of({}, score=Failing()), replace(NOBODY, given=given)) == [9, 2, 5]


def test_filters_apply_to_a_callers_own_candidates_too() -> None:
    strategy = strategy_of({}, keep={"even": Keeping(lambda items: items % 2 == 0)})
    assert ranked(strategy, replace(NOBODY, given=np.array([1, 2, 3, 4], np.int32))) == [2, 4]


def even(items: int = 100) -> Only:
    return Only(np.arange(items) % 2 == 0)


def test_a_boost_is_worth_so_many_standard_deviations_of_the_scores() -> None:
    strategy = strategy_of({"a": Proposing(range(10))}, {"f": BY_NUMBER}, score=Scoring(("number",)))
    slate = execute(strategy, replace(NOBODY, boosts=(Boost(even(), 1.0), Boost(even(), 0.5))))
    spread = np.arange(10).std()
    for item, score, boost in zip(slate.items, slate.scores, slate.candidates.column(BOOST), strict=True):
        raised = 1.5 * spread if item % 2 == 0 else 0.0
        assert boost == pytest.approx(raised, rel=1e-6)
        assert score == pytest.approx(item + raised, rel=1e-6)
    assert slate.items.tolist() == sorted(range(10), key=lambda n: -(n + (1.5 * spread if n % 2 == 0 else 0)))


def test_a_boost_tells_items_of_one_score_apart_and_cannot_score_what_has_none() -> None:
    facts = Telling((Feature("f"),), lambda items: np.where(items == 4, np.nan, 1.0))
    strategy = strategy_of({"a": Proposing(range(6))}, {"x": facts}, score=Scoring(("f",)))
    slate = execute(strategy, replace(NOBODY, boosts=(Boost(even(), 1.0),)))
    assert slate.items.tolist() == [0, 2, 1, 3, 5, 4]
    assert np.isnan(slate.scores[-1])


def test_a_negative_boost_buries() -> None:
    strategy = strategy_of({"a": Proposing(range(4))})
    assert ranked(strategy, replace(NOBODY, boosts=(Boost(even(), -9.0),))) == [1, 3, 0, 2]


def test_nothing_recalled_is_an_empty_slate() -> None:
    strategy = strategy_of(
        {"a": Proposing([])}, {"f": BY_NUMBER}, {"all": Keeping(lambda items: items >= 0)}, Scoring(("number",))
    )
    slate = execute(strategy, NOBODY)
    assert (len(slate.items), slate.reasons, slate.considered, slate.run.degradations) == (0, (), 0, [])


def test_training_gathers_exactly_the_columns_that_serving_scores() -> None:
    strategy = strategy_of({"a": Proposing([3, 1]), "b": Proposing([1])}, {"f": BY_NUMBER})
    gathered, served = gather(strategy, NOBODY, Run()), execute(strategy, NOBODY).candidates
    rows = np.argsort(served.items)
    assert gathered.items.tolist() == served.items[rows].tolist()
    np.testing.assert_array_equal(gathered.matrix(gathered.names), served.matrix(gathered.names)[rows])
    assert set(served.names) - set(gathered.names) == {SCORE, BOOST}


def test_a_source_for_the_unseen_is_not_shown_what_the_shopper_went_for() -> None:
    source = Proposing([1, 2, 3])
    strategy = replace(strategy_of({}), recall=(Source("a", source, 10, unseen=True), Source("b", source, 10)))
    query = Query(now=NOW, history=events_of((2, 50)), filter=Only(np.arange(1000) != 7))
    execute(strategy, query)
    unseen, seen = source.asked
    assert np.flatnonzero(~unseen.allowed).tolist() == [2, 7]  # type: ignore[operator]
    assert np.flatnonzero(~seen.allowed).tolist() == [7]  # type: ignore[operator]


def test_the_slate_is_named_after_its_strategy() -> None:
    strategy = replace(strategy_of({"a": Proposing([1])}), name="mine")
    assert execute(strategy, NOBODY).strategy == "mine"


class Twice(Scoring):
    """Turns the order of its first scores around."""

    def rescore(self, query: Query, candidates: Candidates, scores: Array) -> Array:
        turned: Array = -scores
        return turned


def test_a_scorers_second_look_decides_the_order_and_is_timed() -> None:
    strategy = strategy_of({"a": Proposing(range(4))}, {"facts": BY_NUMBER}, score=Twice(("number",)))
    slate = execute(strategy, NOBODY)
    assert slate.items.tolist() == [0, 1, 2, 3]
    assert slate.scores.tolist() == [0, -1, -2, -3]
    assert ("rescore", "scorer") in [(timing.stage, timing.component) for timing in slate.run.timings]


def test_a_second_look_that_raises_or_answers_in_another_shape_leaves_the_first_order_and_its_reasons() -> None:
    for answer in (Failing()._fail, lambda *_: np.zeros(2, np.float32)):
        scorer: Any = Twice(("number",))
        scorer.rescore = answer
        slate = execute(strategy_of({"a": Proposing(range(4))}, {"facts": BY_NUMBER}, score=scorer), NOBODY)
        assert slate.items.tolist() == [3, 2, 1, 0]
        assert failures(slate) == [("rescore", "scorer")]


def test_a_scorer_that_failed_is_not_asked_a_second_time() -> None:
    scorer: Any = Failing()
    scorer.rescore = scorer._fail
    assert failures(execute(strategy_of({"a": Proposing([5, 3])}, score=scorer), NOBODY)) == [("score", "scorer")]
