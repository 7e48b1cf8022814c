from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.training.text.finetune.augment import misspelt, shuffled_fields, varied, without_words

WAYS = ["word_dropout", "spelling", "attribute_shuffle"]


@given(texts=st.lists(st.text(max_size=60), max_size=5), seed=st.integers(0, 1000))
def test_any_text_may_be_varied_and_never_to_nothing(texts: list[str], seed: int) -> None:
    result = varied(texts, WAYS, np.random.default_rng(seed))  # type: ignore[arg-type]
    assert [bool(text.split()) for text in result] == [bool(text.split()) for text in texts]


@given(text=st.text(alphabet="ab c智能手表", max_size=30), seed=st.integers(0, 1000))
def test_words_are_left_out_and_none_added(text: str, seed: int) -> None:
    left = without_words(text, np.random.default_rng(seed), 0.5)
    assert not Counter(left.replace(" ", "")) - Counter(text.replace(" ", ""))


def test_a_script_without_spaces_loses_characters_not_everything() -> None:
    left = {without_words("智能手表防水运动", np.random.default_rng(seed), 0.5) for seed in range(20)}
    assert len(left) > 10
    assert all(0 < len(text) <= 8 for text in left)


def test_a_slip_changes_one_word_by_a_letter() -> None:
    results = [misspelt("ground coffee 智能", np.random.default_rng(seed)) for seed in range(60)]
    changed = [result for result in results if result != "ground coffee 智能"]
    assert 5 < len(changed) < 40
    for result in changed:
        differ = [a != b for a, b in zip(result.split(), ["ground", "coffee", "智能"], strict=True)]
        assert sum(differ) == 1
        assert not differ[2]


def test_fields_change_places_behind_the_title() -> None:
    results = {shuffled_fields("Milk. Dairy. Acme. 1 l", np.random.default_rng(seed)) for seed in range(40)}
    assert len(results) == 6
    for text in results:
        assert text.startswith("Milk. ")
        assert sorted(text.split(". ")) == ["1 l", "Acme", "Dairy", "Milk"]


@pytest.mark.parametrize("text", ["", "milk", "Milk. Dairy"])
def test_what_has_nothing_to_spare_stays(text: str) -> None:
    random = np.random.default_rng(0)
    assert shuffled_fields(text, random) == text
    assert without_words("milk", random, 1.0) == "milk"


def test_without_ways_nothing_changes() -> None:
    assert varied(["a b c", ""], [], np.random.default_rng(0)) == ["a b c", ""]
