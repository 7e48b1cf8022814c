"""How an item and what it is asked for become one line of tokens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.folder import Bundle, BundleError, Part
from endcap.bundle.writer import PartWriter
from endcap.strategies.contract import Query
from endcap.strategies.testing import made
from endcap.strategies.text.pairs import PairBatch, Pairs
from endcap.training.bert.part import write_pairs
from endcap.training.text.model import check_model

from ...support import small_bert

NOW = made.DATA_END
TEXTS = sorted(set(made.titles()))
CLS, SEP = small_bert.VOCABULARY.index("[CLS]"), small_bert.VOCABULARY.index("[SEP]")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The made bundle with vectors for its texts: one-hot, so that every text is nearest to itself."""
    vectors = np.eye(len(TEXTS), dtype=np.float32)
    return made.tiny_bundle(tmp_path_factory.mktemp("made"), lambda w: w.part("text").array("vectors", vectors))


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Part:
    folder = tmp_path_factory.mktemp("pairs")
    small_bert.write_model(folder / "bert")
    write_pairs(PartWriter(folder), check_model(folder / "bert"), TEXTS, 32)
    return Part(folder)


@pytest.fixture(scope="module")
def pairs(part: Part, bundle: Bundle) -> Pairs:
    return Pairs.open(part, bundle)


def heavy(bundle: Bundle) -> Query:
    return Query(now=NOW, user=made.HEAVY, history=bundle.histories.of(made.HEAVY))


def line(batch: PairBatch, row: int) -> list[int]:
    return [int(token) for token in batch.ids[row][batch.mask[row] == 1]]


def numbers(text: str) -> list[int]:
    """Of a text whose words the vocabulary has, or spells."""
    found: list[int] = []
    for word in text.split():
        whole = [word] if word in small_bert.VOCABULARY else [word[0], *(f"##{letter}" for letter in word[1:])]
        found += [small_bert.VOCABULARY.index(piece) for piece in whole]
    return found


def test_a_search_stands_behind_the_item(pairs: Pairs) -> None:
    batch = pairs.of(Query(now=NOW, text="milk tea"), np.array([0, 5], np.int32))
    assert line(batch, 0) == [CLS, *numbers(made.titles()[0]), SEP, *numbers("milk tea"), SEP]
    assert line(batch, 1) == [CLS, *numbers(made.titles()[5]), SEP, *numbers("milk tea"), SEP]


def test_a_shoppers_titles_stand_behind_two_separators_the_nearest_to_the_item_first(
    pairs: Pairs, bundle: Bundle
) -> None:
    query = heavy(bundle)
    item = int(query.history.items[-1])
    title = numbers(made.titles()[item])
    tokens = line(pairs.of(query, np.array([item], np.int32)), 0)
    start = [CLS, *title, SEP, SEP, *title[: pairs.shape.title_tokens], SEP]
    assert tokens[: len(start)] == start


def test_a_pair_is_never_longer_than_it_may_be_and_ends_with_a_separator(pairs: Pairs, bundle: Bundle) -> None:
    for query in (heavy(bundle), Query(now=NOW, text="milk " * 500), Query(now=NOW, text="智能手表 ⌚️ milk")):
        batch = pairs.of(query, np.arange(made.ITEMS, dtype=np.int32))
        assert batch.ids.shape[1] <= 32
        assert all(line(batch, row)[-1] == SEP for row in range(made.ITEMS))
        assert (batch.mask.sum(axis=1) > 0).all()


def test_a_long_item_leaves_room_for_the_search(part: Part, bundle: Bundle, tmp_path: Path) -> None:
    writer = PartWriter(tmp_path)
    small_bert.write_model(tmp_path / "bert")
    write_pairs(writer, check_model(tmp_path / "bert"), ["milk " * 200] * len(TEXTS), 32)
    batch = Pairs.open(Part(tmp_path), bundle).of(Query(now=NOW, text="tea"), np.array([3], np.int32))
    assert line(batch, 0)[-3:] == [SEP, *numbers("tea"), SEP]


def test_a_search_wins_over_the_history_and_nothing_is_paired_with_nothing(pairs: Pairs, bundle: Bundle) -> None:
    assert pairs.kind_of(replace(heavy(bundle), text="tea")) == "query"
    assert pairs.kind_of(heavy(bundle)) == "shopper"
    assert pairs.kind_of(Query(now=NOW)) is None
    assert pairs.kind_of(Query(now=NOW, seeds=np.array([4], np.int32))) == "shopper"
    with pytest.raises(ValueError, match="without a search and without events"):
        pairs.of(Query(now=NOW), np.array([1], np.int32))


def test_a_part_that_lacks_a_file_says_which(part: Part, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "pairs.json").write_bytes((part.folder / "pairs.json").read_bytes())
    with pytest.raises(BundleError, match=r"has no tokens\.npy"):
        Pairs.open(Part(tmp_path), bundle)
