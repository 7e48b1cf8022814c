"""The components that read learned models keep the contracts too: over the made bundle with thin models added."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

import lightgbm
import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.bundle.writer import BundleWriter
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query
from endcap.strategies.hydrate.query_context import QueryContext
from endcap.strategies.hydrate.similarity import TextSimilarity
from endcap.strategies.recall.cold import ColdRecall
from endcap.strategies.recall.text import TextRecall
from endcap.strategies.score.hybrid import Hybrid
from endcap.strategies.score.trees import Trees
from endcap.strategies.select.mmr import Mmr
from endcap.strategies.testing import (
    ComponentContract,
    HydratorContract,
    RecallContract,
    ScorerContract,
    SelectorContract,
    made,
)

COLUMNS = ("a", "b", "c")


class WithTexts(ComponentContract):
    source: Path

    @classmethod
    def write_parts(cls, writer: BundleWriter) -> None:
        writer.share("text", cls.source)


@pytest.fixture(scope="module", autouse=True)
def _text_part(tmp_path_factory: pytest.TempPathFactory) -> None:
    from endcap.training.text.embed import embed_texts
    from endcap.training.text.export import export_encoder
    from endcap.training.text.index import build_index

    from ..support import small_bert

    WithTexts.source = tmp_path_factory.mktemp("made-texts")
    small_bert.write_model(WithTexts.source / "bert")
    with BundleWriter(WithTexts.source) as writer:
        part = writer.part("text")
        export_encoder(str(WithTexts.source / "bert"), part.folder)
        vectors = embed_texts(part.folder, sorted(set(made.titles())))
        part.json("index", asdict(build_index(vectors, part.folder)))
        part.folder.rename(WithTexts.source / "text")


class TestTextRecall(WithTexts, RecallContract):
    component = TextRecall


class TestColdRecall(WithTexts, RecallContract):
    component = ColdRecall
    parameters: ClassVar = {"per_text": 1}


class TestTextSimilarity(WithTexts, HydratorContract):
    component = TextSimilarity


class TestQueryContext(WithTexts, HydratorContract):
    component = QueryContext
    parameters: ClassVar = {"texts": 2}


class TestMmrByText(WithTexts, SelectorContract):
    component = Mmr
    parameters: ClassVar = {"diversity": 0.5}


class TestTrees(ScorerContract):
    component = Trees

    @classmethod
    def write_parts(cls, writer: BundleWriter) -> None:
        cls.write_trees(writer)

    @staticmethod
    def write_trees(writer: BundleWriter) -> None:
        random = np.random.default_rng(3)
        rows = random.normal(0, 2, (300, len(COLUMNS)))
        labels = rows[:, 0] + random.random(300) > 0.5
        data = lightgbm.Dataset(rows, labels, group=[30] * 10)
        model = lightgbm.train({"objective": "lambdarank", "num_leaves": 7, "verbosity": -1}, data, 8)
        part = writer.part("ranker")
        (part.folder / "model.txt").write_text(model.model_to_string())
        part.json("features", COLUMNS)


class TestHybrid(WithTexts, ScorerContract):
    component = Hybrid

    @classmethod
    def write_parts(cls, writer: BundleWriter) -> None:
        from ..support import small_cross

        super().write_parts(writer)
        TestTrees.write_trees(writer)
        texts = sorted(set(made.titles()))
        small_cross.write_part(writer.part("bert"), cls.source / "bert", texts)

    def answer(self, query: Query, candidates: Candidates) -> Array:
        """After the second look."""
        scores: Array = self.built.rescore(query, candidates, self.built.score(query, candidates))
        return scores
