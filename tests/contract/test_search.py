"""The components of searches keep the contracts too: over the made bundle with an index of its titles."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from endcap.bundle.writer import BundleWriter
from endcap.strategies.hydrate.query_match import QueryMatch
from endcap.strategies.recall.lexical import LexicalRecall
from endcap.strategies.score.search import SearchScorer
from endcap.strategies.testing import ComponentContract, HydratorContract, RecallContract, ScorerContract, made
from endcap.training.fit.lexical import write_index
from endcap.training.search.lessons import joined
from endcap.training.search.model import fit_ranker

COLUMNS = ("query.bm25", "text.query_cosine", "other")


class WithIndex(ComponentContract):
    @classmethod
    def write_parts(cls, writer: BundleWriter) -> None:
        brands = [made.BRANDS[n % 3] for n in range(made.ITEMS)]
        fields = {"title": [[title] for title in made.titles()], "brand": [[b] if b else [] for b in brands]}
        write_index(writer.part("lexical"), fields, ["Alder", "Birch"])


class TestLexicalRecall(WithIndex, RecallContract):
    component = LexicalRecall


class TestQueryMatch(WithIndex, HydratorContract):
    component = QueryMatch


class TestFixedSearchScorer(ScorerContract):
    component = SearchScorer
    parameters: ClassVar = {"weights": {"first": 1.0, "second": 0.5}, "prior": {"third": 0.5}}


class TestLearnedSearchScorer(ScorerContract):
    component = SearchScorer
    parameters: ClassVar = {"weights": {"unused": 1.0}, "prior": {"other": 1.0, "liked": 0.5}}

    @classmethod
    def write_parts(cls, writer: BundleWriter) -> None:
        random = np.random.default_rng(3)
        rows = random.normal(0, 2, (300, 3)).astype(np.float32)
        gains = np.round(np.clip(rows[:, 0] + random.random(300), 0, 3))
        lessons = joined(COLUMNS, np.split(rows, 10), np.split(gains, 10), [np.arange(30, dtype=np.int32)] * 10)
        fit_ranker(lessons, "both", 1).write(writer.part("search_ranker"))
