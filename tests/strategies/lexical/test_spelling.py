from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.strings import StringTable
from endcap.strategies.lexical.spelling import Spelling, can_slip, one_slip

WORDS = ["battery", "butter", "better", "keyboard", "tn2110", "手表", "tv", "2020"]
SPELLING = Spelling.of(StringTable.of(WORDS))


def near(word: str) -> list[str]:
    return [WORDS[number] for number in SPELLING.near(word)]


def test_a_letter_left_out_added_changed_or_swapped_is_forgiven() -> None:
    assert near("keybord") == near("keyyboard") == near("keyboart") == near("kyeboard") == ["keyboard"]


def test_every_word_one_slip_away_is_found() -> None:
    assert near("botter") == ["butter", "better"]


def test_two_slips_short_words_and_plain_numbers_find_nothing() -> None:
    assert near("kebord") == near("tx") == near("2021") == []


def test_the_word_itself_is_not_a_slip() -> None:
    assert near("keyboard") == []


letters = st.text(alphabet="abcd1", min_size=3, max_size=7)


@given(letters, st.integers(0, 6), st.sampled_from("abcd1"), st.sampled_from(["out", "in", "change", "swap"]))
def test_any_slip_in_any_word_finds_the_word(word: str, place: int, letter: str, slip: str) -> None:
    place %= len(word)
    rest = word[place + 1 :]
    slipped = {
        "out": word[:place] + rest,
        "in": word[:place] + letter + word[place:],
        "change": word[:place] + letter + rest,
        "swap": word[:place] + rest[:1] + word[place] + rest[1:],
    }[slip]
    found = Spelling.of(StringTable.of([word])).near(slipped)
    assert (found == [0]) == (slipped != word and can_slip(word) and can_slip(slipped))


@given(letters, letters)
def test_being_one_slip_apart_is_mutual(one: str, other: str) -> None:
    assert one_slip(one, other) == one_slip(other, one)
