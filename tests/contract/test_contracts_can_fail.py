"""Each contract test catches the component that breaks its promise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Set
from copy import copy
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import SCORE, Candidates, Recalled
from endcap.strategies.contract import Feature, Query, Settings
from endcap.strategies.testing import (
    ComponentContract,
    FilterContract,
    HydratorContract,
    RecallContract,
    ScorerContract,
    SelectorContract,
)


class Plain(Settings):
    pass


class Loose(BaseModel):
    """Takes any key and may change, as pydantic has it by default."""


class Part:
    Config: type[BaseModel] = Plain

    def __init__(self, config: Any, bundle: Bundle) -> None:
        self.calls = count()
        self.size = len(bundle.catalog)


class Careless(Part):
    """Keeps every promise but what its Config should be."""

    Config = Loose

    def keep(self, query: Query, candidates: Candidates) -> Array:
        return np.ones(len(candidates), np.bool_)


class Fickle(Part):
    def keep(self, query: Query, candidates: Candidates) -> Array:
        return np.full(len(candidates), next(self.calls) % 3 == 0)


class Recall(Part):
    def recall(self, query: Query, limit: int) -> Recalled:
        items = self.items(query)[:limit]
        return Recalled(items, -np.arange(len(items), dtype=np.float32))

    def items(self, query: Query) -> Array:
        items = np.arange(self.size, dtype=np.int32)
        return items if query.allowed is None else items[query.allowed]


class OfWideNumbers(Recall):
    def items(self, query: Query) -> Array:
        return super().items(query).astype(np.int64)


class Boundless(Recall):
    def recall(self, query: Query, limit: int) -> Recalled:
        return super().recall(query, limit + 1)


class Repeating(Recall):
    def items(self, query: Query) -> Array:
        return np.repeat(super().items(query), 2)


class BeyondTheCatalog(Recall):
    def items(self, query: Query) -> Array:
        return super().items(query) - np.int32(1)


class WorstFirst(Recall):
    def recall(self, query: Query, limit: int) -> Recalled:
        items, scores = super().recall(query, limit)
        return Recalled(items, scores[::-1])


class Disobedient(Recall):
    def items(self, query: Query) -> Array:
        return np.arange(self.size, dtype=np.int32)


class Hydrate(Part):
    provides: tuple[Feature, ...] = (Feature("one"), Feature("two"))

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        return np.repeat(candidates.items.astype(np.float32)[:, None], 2, axis=1)


class OfOneName(Hydrate):
    provides = (Feature("one"), Feature("one"))


class OfDoubles(Hydrate):
    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        return super().hydrate(query, candidates).astype(np.float64)


class Endless(Hydrate):
    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        return super().hydrate(query, candidates) + np.float32(np.inf)


class Sorted(Hydrate):
    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        return np.sort(super().hydrate(query, candidates), axis=0)


class TooNarrow(Hydrate):
    """Leaves out the first column, whatever is wanted."""

    def narrowed(self, wanted: Set[str]) -> TooNarrow:
        narrow = copy(self)
        narrow.provides = self.provides[1:]
        return narrow


class WritingInPlace(Hydrate):
    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        candidates.items[:] = 0
        return super().hydrate(query, candidates)


class WritingToTheSession(Hydrate):
    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        query.session.weights[:] = 1
        return super().hydrate(query, candidates)


class Numeric(Part):
    def keep(self, query: Query, candidates: Candidates) -> Array:
        return np.ones(len(candidates), np.int8)


class OneOfEachKind(Part):
    def keep(self, query: Query, candidates: Candidates) -> Array:
        keep = np.zeros(len(candidates), np.bool_)
        keep[np.unique(candidates.items % 4, return_index=True)[1]] = True
        return keep


class Score(Part):
    requires: tuple[str, ...] = ("a", "b")

    def score(self, query: Query, candidates: Candidates) -> Array:
        return candidates.column("a")

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        return candidates.matrix(self.requires)


class ReadingTwice(Score):
    requires = ("a", "a")


class Infinite(Score):
    def score(self, query: Query, candidates: Candidates) -> Array:
        return np.nan_to_num(candidates.column("a"), nan=-np.inf)


class Unbearing(Score):
    def score(self, query: Query, candidates: Candidates) -> Array:
        known = candidates.column("a")
        known = known[~np.isnan(known)]
        return candidates.column("a") - (known.max() if len(candidates) else np.float32(0))


class Unexplained(Score):
    def contributions(self, query: Query, candidates: Candidates) -> Array:
        return candidates.matrix(["a"])


class Select(Part):
    def select(self, query: Query, candidates: Candidates) -> Array:
        return self.order(candidates)[: query.size]

    def order(self, candidates: Candidates) -> Array:
        return np.argsort(np.nan_to_num(-candidates.column(SCORE), nan=np.inf), kind="stable")


class Everything(Select):
    def select(self, query: Query, candidates: Candidates) -> Array:
        return self.order(candidates)


class NanFirst(Select):
    def order(self, candidates: Candidates) -> Array:
        return super().order(candidates)[::-1]


class Choosy(Select):
    def select(self, query: Query, candidates: Candidates) -> Array:
        return super().select(query, candidates)[:2]


@dataclass(frozen=True)
class Broken:
    contract: type[ComponentContract]
    component: type[Any]
    caught_by: str


BROKEN = [
    Broken(FilterContract, Careless, "test_it_refuses_parameters_that_it_does_not_know"),
    Broken(FilterContract, Careless, "test_its_parameters_cannot_change_after_the_boot"),
    Broken(FilterContract, Fickle, "test_the_same_request_gets_the_same_answer"),
    Broken(FilterContract, Fickle, "test_two_threads_get_the_answers_that_one_gets"),
    Broken(RecallContract, OfWideNumbers, "test_items_and_scores_have_one_length_and_their_types"),
    Broken(RecallContract, Boundless, "test_it_proposes_no_more_than_the_limit"),
    Broken(RecallContract, Repeating, "test_it_proposes_each_item_once_and_only_items_of_the_catalog"),
    Broken(RecallContract, BeyondTheCatalog, "test_it_proposes_each_item_once_and_only_items_of_the_catalog"),
    Broken(RecallContract, WorstFirst, "test_it_proposes_the_best_first"),
    Broken(RecallContract, Disobedient, "test_it_proposes_only_what_the_request_allows"),
    Broken(HydratorContract, OfOneName, "test_each_of_its_features_has_a_name_of_its_own"),
    Broken(HydratorContract, OfDoubles, "test_it_gives_a_row_a_candidate_and_a_column_a_feature"),
    Broken(HydratorContract, Endless, "test_what_it_does_not_know_is_nan_and_never_infinite"),
    Broken(HydratorContract, Sorted, "test_rows_follow_the_order_of_the_candidates"),
    Broken(HydratorContract, TooNarrow, "test_narrowed_it_still_provides_what_is_wanted_as_it_was"),
    Broken(FilterContract, Numeric, "test_it_says_yes_or_no_to_each_candidate"),
    Broken(FilterContract, OneOfEachKind, "test_whether_an_item_stays_does_not_depend_on_the_others"),
    Broken(ScorerContract, ReadingTwice, "test_it_names_each_column_that_it_reads_once"),
    Broken(ScorerContract, Infinite, "test_it_gives_each_candidate_one_number"),
    Broken(ScorerContract, Unexplained, "test_its_contributions_are_a_number_for_each_column_that_it_reads"),
    Broken(SelectorContract, Everything, "test_it_chooses_distinct_rows_and_no_more_than_the_slate_holds"),
    Broken(SelectorContract, NanFirst, "test_what_could_not_be_scored_comes_last"),
    Broken(SelectorContract, Choosy, "test_it_never_leaves_out_an_item_of_the_callers_own_list"),
]


def run(contract: type[ComponentContract], component: type[Any], *names: str) -> None:
    kind: Any = type("TestOf", (contract,), {"component": component})
    kind.setup_class()
    try:
        for name in names or [name for name in dir(kind) if name.startswith("test_")]:
            getattr(kind(), name)()
    finally:
        kind.teardown_class()


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.component.__name__}-{broken.caught_by}")
def test_a_broken_promise_is_caught(broken: Broken) -> None:
    with pytest.raises(AssertionError):
        run(broken.contract, broken.component, broken.caught_by)


@pytest.mark.parametrize("component", [WritingInPlace, WritingToTheSession])
def test_writing_to_what_it_is_given_is_caught(component: type[Any]) -> None:
    with pytest.raises(ValueError, match="read-only"):
        run(HydratorContract, component, "test_it_gives_a_row_a_candidate_and_a_column_a_feature")


def test_a_scorer_that_cannot_bear_unknown_columns_is_caught() -> None:
    with pytest.raises(ValueError, match="zero-size"):
        run(ScorerContract, Unbearing, "test_it_bears_columns_of_which_nothing_is_known")


@pytest.mark.parametrize(
    ("contract", "component"),
    [(RecallContract, Recall), (HydratorContract, Hydrate), (ScorerContract, Score), (SelectorContract, Select)],
)
def test_a_component_that_keeps_its_promises_passes(contract: type[ComponentContract], component: type[Any]) -> None:
    run(contract, component)


def test_the_contracts_need_no_pytest_and_serving_needs_no_contracts() -> None:
    code = (
        "import sys, endcap.strategies.registry, endcap.strategies.pipeline\n"
        "assert not [name for name in sys.modules if name.startswith('endcap.strategies.testing')]\n"
        "import endcap.strategies.testing\n"
        "assert 'pytest' not in sys.modules and '_pytest' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_no_module_of_endcap_imports_the_contracts() -> None:
    import endcap.strategies

    root = Path(endcap.strategies.__path__[0]).parent
    naming = [path for path in root.rglob("*.py") if "endcap.strategies.testing" in path.read_text(encoding="utf-8")]
    assert naming
    assert {path.parent for path in naming} == {root / "strategies" / "testing"}
