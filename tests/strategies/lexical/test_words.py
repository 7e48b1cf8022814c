from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.strategies.lexical.words import LONGEST_WORD, Kind, tokens, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Organic COFFEE, ground", ["organic", "coffee", "ground"]),
        ("XPS-13", ["xps13", "xps", "13"]),
        ("xps13", ["xps13", "xps", "13"]),
        ("Wi-Fi", ["wi", "fi", "wifi"]),
        ("16 GB", ["16gb", "16"]),
        ("16gb", ["16gb", "16"]),
        ('24" screen', ["24inch", "24", "screen"]),
        ("24-inch screen", ["24inch", "24", "screen"]),
        ("1,5 l", ["1.5l", "1.5"]),
        ("24英寸显示器", ["24inch", "24", "显示", "显", "示", "示器", "器"]),
        ("batteries glass boxes", ["battery", "glass", "box"]),
        ("kid's café", ["kid", "cafe"]),
        ("智能手表", ["智能", "智", "能", "能手", "手", "手表", "表"]),
        ("表", ["表"]),
        ("Apple 手表⌚️🎧", ["apple", "手表", "手", "表", "🎧"]),
        ("１２ＧＢ ﬁne", ["12gb", "12", "fine"]),
        ("घड़ी", ["घड़ी"]),
        ("…! ()", []),
        ("", []),
    ],
)
def test_a_text_becomes_the_tokens_that_people_search_for(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def test_words_know_what_they_are() -> None:
    kinds = {word.token: word.kind for word in words('brother tn-2110 24" 手表')}
    assert kinds == {"brother": Kind.WORD, "tn2110": Kind.MODEL, "24inch": Kind.UNIT, "手表": Kind.PAIR}


def test_a_long_description_is_cut_in_no_time_and_a_long_run_of_letters_is_cut_short() -> None:
    found = tokens("word " * 1_000 + "x" * 5_000)
    assert found == ["word"] * 1_000 + ["x" * LONGEST_WORD]


@given(st.text(max_size=200))
def test_any_text_has_tokens_that_are_never_blank(text: str) -> None:
    assert all(token and not token.isspace() for token in tokens(text))


@given(st.text(alphabet="abcXYZ019 -.\"'", max_size=60))
def test_case_makes_no_difference(text: str) -> None:
    assert tokens(text.upper()) == tokens(text.lower())
