"""What every component of a stage promises, as tests to inherit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import ValidationError

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.bundle.writer import BundleWriter
from endcap.strategies.batch import SCORE, Candidates, Recalled
from endcap.strategies.contract import Feature, Narrowable, Query
from endcap.strategies.testing.made import tiny_bundle
from endcap.strategies.testing.queries import made_queries

ROUNDS = 3
"""How often each of two threads asks everything."""


class ComponentContract:
    """What components of every stage have in common. Subclass the contract of a stage instead."""

    component: ClassVar[type[Any]]
    """The component's class."""
    parameters: ClassVar[Mapping[str, Any]] = {}
    """What a strategy's TOML would say of it."""
    bundle: ClassVar[Bundle]
    built: ClassVar[Any]
    _folder: ClassVar[tempfile.TemporaryDirectory[str]]

    @classmethod
    def write_parts(cls, writer: BundleWriter) -> None:
        """Override to add the parts that the component reads and that the made bundle lacks."""

    @classmethod
    def make_bundle(cls, folder: Path) -> Bundle:
        """Override to run over another bundle than the made one."""
        return tiny_bundle(folder, cls.write_parts)

    @classmethod
    def setup_class(cls) -> None:
        cls._folder = tempfile.TemporaryDirectory()
        cls.bundle = cls.make_bundle(Path(cls._folder.name))
        cls.built = cls.component(cls.component.Config.model_validate(dict(cls.parameters)), cls.bundle)

    @classmethod
    def teardown_class(cls) -> None:
        cls._folder.cleanup()

    def test_it_refuses_parameters_that_it_does_not_know(self) -> None:
        try:
            self.component.Config.model_validate({**self.parameters, "no_such_parameter": 1})
        except ValidationError:
            return
        raise AssertionError("Config took 'no_such_parameter'; derive it from endcap.strategies.contract.Settings")

    def test_its_parameters_cannot_change_after_the_boot(self) -> None:
        assert self.component.Config.model_config.get("frozen"), "Config is not frozen; derive it from Settings"

    def asked(self) -> Iterator[tuple[str, Query, Candidates]]:
        """Queries of every form, each with no, one, some and all items to look at; new objects on every call."""
        everything = np.arange(len(self.bundle.catalog), dtype=np.int32)
        for name, query in made_queries(self.bundle).items():
            for few in (everything[:0], everything[7:8], everything[1::3], everything):
                items = few if query.given is None else np.sort(query.given)
                yield f"{name}, {len(items)} candidates: {{}}", query, _frozen(Candidates(items), self.columns())

    def columns(self) -> tuple[str, ...]:
        """The columns that the candidates bring along."""
        return ()

    def answer(self, query: Query, candidates: Candidates) -> Array:
        """What the component says, as one array to compare."""
        raise NotImplementedError

    def test_the_same_request_gets_the_same_answer(self) -> None:
        for (name, *_), one, other in zip(self.asked(), self.answers(), self.answers(), strict=True):
            assert _same(one, other), name.format(f"two answers differ, {one} and {other}")

    def test_two_threads_get_the_answers_that_one_gets(self) -> None:
        expected = self.answers()
        with ThreadPoolExecutor(2) as pool:
            for answers in pool.map(lambda _: self.answers(), range(2 * ROUNDS)):
                for (name, *_), one, other in zip(self.asked(), expected, answers, strict=True):
                    assert _same(one, other), name.format("answers differ where two threads ask at once")

    def answers(self) -> list[Array]:
        return [self.answer(query, candidates) for _, query, candidates in self.asked()]


class RecallContract(ComponentContract):
    """``recall(query, limit) -> Recalled``."""

    limits: ClassVar[tuple[int, ...]] = (1, 7, 10_000)

    def answer(self, query: Query, candidates: Candidates) -> Array:
        items, scores = self.built.recall(query, 10)
        return np.column_stack([items.astype(np.float64), scores])

    def recalled(self) -> Iterator[tuple[str, Query, int, Recalled]]:
        for limit in self.limits:
            for name, query in made_queries(self.bundle).items():
                yield f"{name}, limit {limit}: {{}}", query, limit, self.built.recall(query, limit)

    def test_items_and_scores_have_one_length_and_their_types(self) -> None:
        for name, _, _, (items, scores) in self.recalled():
            found = f"found {_shape(items)} items and {_shape(scores)} scores, expected int32[k] and float32[k]"
            assert items.dtype == np.int32, name.format(found)
            assert scores.dtype == np.float32, name.format(found)
            assert items.ndim == 1, name.format(found)
            assert items.shape == scores.shape, name.format(found)

    def test_it_proposes_no_more_than_the_limit(self) -> None:
        for name, _, limit, (items, _) in self.recalled():
            assert len(items) <= limit, name.format(f"proposed {len(items)}")

    def test_it_proposes_each_item_once_and_only_items_of_the_catalog(self) -> None:
        for name, _, _, (items, _) in self.recalled():
            assert len(np.unique(items)) == len(items), name.format("proposed an item twice")
            inside = (items >= 0) & (items < len(self.bundle.catalog))
            assert inside.all(), name.format(f"proposed {items[~inside]}")

    def test_it_proposes_the_best_first(self) -> None:
        for name, _, _, (_, scores) in self.recalled():
            assert np.isfinite(scores).all(), name.format("a score is not finite")
            assert (scores[1:] <= scores[:-1]).all(), name.format(f"scores rise: {scores}")

    def test_it_proposes_only_what_the_request_allows(self) -> None:
        for name, query, _, (items, _) in self.recalled():
            if query.allowed is not None:
                strange = items[~query.allowed[items]]
                assert not len(strange), name.format(f"proposed {strange} against query.allowed")


class HydratorContract(ComponentContract):
    """``hydrate(query, candidates) -> float32[n, len(provides)]``."""

    def answer(self, query: Query, candidates: Candidates) -> Array:
        values: Array = self.built.hydrate(query, candidates)
        return values

    def test_each_of_its_features_has_a_name_of_its_own(self) -> None:
        features = self.built.provides
        assert isinstance(features, tuple), f"provides is a {type(features).__name__}, expected a tuple"
        assert all(isinstance(feature, Feature) for feature in features), "provides holds something else than Features"
        names = [feature.name for feature in features]
        assert len(set(names)) == len(names), f"features share a name: {names}"

    def test_it_gives_a_row_a_candidate_and_a_column_a_feature(self) -> None:
        for name, query, candidates in self.asked():
            values = self.answer(query, candidates)
            expected = (len(candidates), len(self.built.provides))
            assert values.shape == expected, name.format(f"found {_shape(values)}, expected float32{list(expected)}")
            assert values.dtype == np.float32, name.format(f"found {_shape(values)}, expected float32")

    def test_what_it_does_not_know_is_nan_and_never_infinite(self) -> None:
        for name, query, candidates in self.asked():
            endless = np.flatnonzero(np.isinf(self.answer(query, candidates)).any(axis=0))
            assert not len(endless), name.format(f"infinite: {[self.built.provides[k].name for k in endless]}")

    def test_rows_follow_the_order_of_the_candidates(self) -> None:
        for (name, query, candidates), (_, again, _) in zip(self.asked(), self.asked(), strict=True):
            turned = np.arange(len(candidates))[::-1]
            one, other = self.answer(query, candidates)[turned], self.answer(again, candidates.take(turned))
            assert np.allclose(one, other, equal_nan=True), name.format(
                "values changed places with the candidates' order"
            )

    def test_narrowed_it_still_provides_what_is_wanted_as_it_was(self) -> None:
        names = [feature.name for feature in self.built.provides]
        for wanted in names if isinstance(self.built, Narrowable) else ():
            narrow = self.built.narrowed({wanted})
            left = [feature.name for feature in narrow.provides]
            assert wanted in left, f"narrowed({{{wanted!r}}}) leaves it out"
            for name, query, candidates in self.asked():
                values, whole = narrow.hydrate(query, candidates), self.answer(query, candidates)
                kept = whole[:, [names.index(each) for each in left]]
                assert np.allclose(values, kept, equal_nan=True), name.format(f"other values, narrowed to {wanted!r}")


class FilterContract(ComponentContract):
    """``keep(query, candidates) -> bool[n]``."""

    def answer(self, query: Query, candidates: Candidates) -> Array:
        keep: Array = self.built.keep(query, candidates)
        return keep

    def test_it_says_yes_or_no_to_each_candidate(self) -> None:
        for name, query, candidates in self.asked():
            keep = self.answer(query, candidates)
            assert keep.dtype == np.bool_, name.format(f"found {_shape(keep)}, expected bool[{len(candidates)}]")
            assert keep.shape == (len(candidates),), name.format(f"found {_shape(keep)}, expected {len(candidates)}")

    def test_whether_an_item_stays_does_not_depend_on_the_others(self) -> None:
        for name, query, candidates in self.asked():
            turned = np.arange(len(candidates))[::-2]
            one, other = self.answer(query, candidates)[turned], self.answer(query, candidates.take(turned))
            assert _same(one, other), name.format(
                "fewer candidates, other verdicts; what weighs them belongs in select"
            )


class ScorerContract(ComponentContract):
    """``score(query, candidates) -> float32[n]`` and ``contributions(query, candidates) -> float32[n, k]``."""

    def columns(self) -> tuple[str, ...]:
        return tuple(self.built.requires)

    def answer(self, query: Query, candidates: Candidates) -> Array:
        scores: Array = self.built.score(query, candidates)
        return scores

    def test_it_names_each_column_that_it_reads_once(self) -> None:
        requires = self.built.requires
        assert isinstance(requires, tuple), f"requires is a {type(requires).__name__}, expected a tuple"
        assert len(set(requires)) == len(requires), f"requires names a column twice: {requires}"

    def test_it_gives_each_candidate_one_number(self) -> None:
        for name, query, candidates in self.asked():
            scores = self.answer(query, candidates)
            assert scores.shape == (len(candidates),), name.format(
                f"found {_shape(scores)}, expected {len(candidates)}"
            )
            assert scores.dtype == np.float32, name.format(f"found {_shape(scores)}, expected float32")
            assert not np.isinf(scores).any(), name.format("a score is infinite; NaN says that it cannot score")

    def test_it_bears_columns_of_which_nothing_is_known(self) -> None:
        for name, query, candidates in self.asked():
            unknown = np.full((len(candidates), len(self.columns())), np.nan, np.float32)
            scores = self.answer(query, Candidates(candidates.items).with_block(self.columns(), unknown))
            assert scores.shape == (len(candidates),), name.format(f"found {_shape(scores)} where all columns are NaN")

    def test_its_contributions_are_a_number_for_each_column_that_it_reads(self) -> None:
        for name, query, candidates in self.asked():
            parts = self.built.contributions(query, candidates)
            expected = (len(candidates), len(self.columns()))
            assert parts.shape == expected, name.format(f"found {_shape(parts)}, expected float32{list(expected)}")
            assert parts.dtype == np.float32, name.format(f"found {_shape(parts)}, expected float32")


class SelectorContract(ComponentContract):
    """``select(query, candidates) -> int64[k]``, reading the column ``score``."""

    def columns(self) -> tuple[str, ...]:
        return (SCORE,)

    def answer(self, query: Query, candidates: Candidates) -> Array:
        rows: Array = self.built.select(query, candidates)
        return rows

    def test_it_chooses_distinct_rows_and_no_more_than_the_slate_holds(self) -> None:
        for name, query, candidates in self.asked():
            rows = self.answer(query, candidates)
            assert rows.dtype == np.int64, name.format(f"found {_shape(rows)}, expected int64[k]")
            assert len(rows) <= query.size, name.format(f"chose {len(rows)}, more than {query.size}")
            assert len(np.unique(rows)) == len(rows), name.format(f"chose a row twice: {rows}")
            assert ((rows >= 0) & (rows < len(candidates))).all(), name.format(f"chose rows that are none: {rows}")

    def test_what_could_not_be_scored_comes_last(self) -> None:
        for name, query, candidates in self.asked():
            lost = np.isnan(candidates.column(SCORE)[self.answer(query, candidates)])
            assert (lost[1:] >= lost[:-1]).all(), name.format("a row without a score stands before one that has one")

    def test_it_never_leaves_out_an_item_of_the_callers_own_list(self) -> None:
        for name, query, candidates in self.asked():
            if query.given is not None:
                expected = min(query.size, len(candidates))
                found = len(self.answer(query, candidates))
                assert found == expected, name.format(f"chose {found} of {len(candidates)}, expected {expected}")


def _frozen(candidates: Candidates, columns: tuple[str, ...]) -> Candidates:
    """With these columns: numbers of either sign, ties, and NaN. Nothing in the table can be written to."""
    random = np.random.default_rng(len(candidates))
    values = random.integers(-3, 4, (len(candidates), len(columns))).astype(np.float32)
    values[random.random(values.shape) < 0.2] = np.nan
    values.setflags(write=False)
    candidates.items.setflags(write=False)
    return candidates.with_block(columns, values) if columns else candidates


def _same(one: Array, other: Array) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def _shape(values: Array) -> str:
    return f"{values.dtype}{list(values.shape)}"
