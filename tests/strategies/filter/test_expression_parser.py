from __future__ import annotations

import pytest

from endcap.strategies.filter.expression import (
    And,
    Comparison,
    Expression,
    FilterError,
    Not,
    Or,
    Present,
    Value,
    parse,
)
from endcap.strategies.filter.expression.parser import MAX_CONDITIONS, MAX_DEPTH


def word(text: str) -> Value:
    return Value(text, quoted=False)


A, B, C = (Comparison(name, "=", word("1")) for name in "abc")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a = 1 AND b = 1 AND c = 1", And((A, B, C))),
        ("a = 1 OR b = 1 OR c = 1", Or((A, B, C))),
        ("a = 1 AND b = 1 OR c = 1", And((A, Or((B, C))))),
        ("a = 1 OR b = 1 AND c = 1", And((Or((A, B)), C))),
        ("(a = 1 AND b = 1) OR c = 1", Or((And((A, B)), C))),
        ("NOT a = 1 OR b = 1", Or((Not(A), B))),
        ("NOT (a = 1 OR b = 1)", Not(Or((A, B)))),
        ("-a = 1 AND -(b = 1)", And((Not(A), Not(B)))),
        ("NOT (-a = 1)", Not(Not(A))),
        ("((a=1))", A),
        (" \t\n ", And(())),
    ],
)
def test_or_binds_tighter_than_and_and_not_tightest(text: str, tree: Expression) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("attributes.colour:red", Comparison("attributes.colour", ":", word("red"))),
        ("x-y.2 != semi-skimmed", Comparison("x-y.2", "!=", word("semi-skimmed"))),
        ("größe<=-1.5e+3", Comparison("größe", "<=", word("-1.5e+3"))),
        ("price>-3", Comparison("price", ">", word("-3"))),
        ("brand = 'H&M'", Comparison("brand", "=", Value("H&M"))),
        (r'brand = "a \"b\" \\ \'c\' \n\t\r\*"', Comparison("brand", "=", Value("a \"b\" \\ 'c' \n\t\r*"))),
        ('brand = ""', Comparison("brand", "=", Value(""))),
        ('brand = "*foo"', Comparison("brand", "=", Value("foo", open_start=True))),
        ('brand = "foo*"', Comparison("brand", "=", Value("foo", open_end=True))),
        (r'brand = "\*foo\**"', Comparison("brand", "=", Value("*foo*", open_end=True))),
        ("brand = *foo*", Comparison("brand", "=", Value("foo", False, True, True))),
        ("brand = *", Comparison("brand", "=", Value("", False, True, False))),
        ("brand:*", Present("brand")),
        ('brand:"*"', Comparison("brand", ":", Value("", open_start=True))),
        (r'brand:"\*"', Comparison("brand", ":", Value("*"))),
    ],
)
def test_a_condition_reads_names_numbers_quotes_escapes_and_wildcards(text: str, condition: Expression) -> None:
    assert parse(text) == condition


ERRORS = [
    # conditions side by side, which the AIP would take for a loose AND
    ("a = 1 b = 2", 6, "found `b` after a complete condition; join conditions by AND or OR"),
    ("a = New York", 8, "text with spaces needs quotes"),
    ("a = 1 (b = 2)", 6, "found `(` after a complete condition"),
    ("(a = 1 b = 2)", 7, "found `b` after a complete condition"),
    ("a = 1 and b = 2", 6, "did you mean AND?"),
    ("a = 1 || b = 2", 6, "did you mean OR?"),
    ("not a = 1", 0, "did you mean NOT?"),
    ("NOT -a = 1", 4, "to negate twice, use parentheses"),
    # what stands where a condition, an operator or a value should
    ("a", 1, "found the end after `a`, expected one of = != < <= > >= :"),
    ("Acme (x)", 5, "found `(` after `Acme`, expected one of"),
    ("3 < price", 0, "found `3`, expected a condition that starts with an attribute's name"),
    ('"a" = 1', 0, "expected a condition that starts with an attribute's name"),
    ("a..b = 1", 0, "expected a condition that starts with an attribute's name"),
    ("a = 1 AND", 9, "found the end, expected a condition"),
    ("AND a = 1", 0, "found `AND`, expected a condition"),
    ("()", 1, "found `)`, expected a condition"),
    ("a =", 3, "found the end after =, expected a value"),
    ("a == 1", 3, "found `=` after =, expected a value"),
    ("a = AND", 4, "found `AND` after =, expected a value"),
    ("a = (1 OR 2)", 4, "compare with one value at a time, as in a = 1 OR a = 2"),
    # parentheses
    ("b = 1 AND (a = 1", 10, "the ( that stands here has no ) after it"),
    ("a = 1)", 5, "found ) without a ( before it"),
    # characters
    ('a = "x', 4, "no closing quote"),
    (r'a = "x\"', 4, "no closing quote"),
    ("a = don't", 7, "write the value in double quotes"),
    ("!a = 1", 0, "write NOT before it"),
    ("a = 1, b = 2", 5, "a comma joins nothing"),
    (r"a = b\c", 5, "put the value in quotes"),
    (r'a = "xy\q"', 7, r"`\q` is no escape; known: \\ \" \' \* \n \r \t"),
    ("a = 'x\\\u200b'", 6, r"`\\u200b` is no escape"),
    ('a = "x*y"', 6, r"write \* in quoted text"),
    ("a = **x*", 5, "a * is a wildcard at the start or the end"),
]


@pytest.mark.parametrize(("text", "position", "message"), ERRORS, ids=[text for text, *_ in ERRORS])
def test_an_error_says_what_was_found_and_expected_and_where(text: str, position: int, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert message in caught.value.message
    assert caught.value.position == position
    assert str(caught.value) == f"{caught.value.message} (at character {position + 1})"


@pytest.mark.parametrize("opening", ["(", "NOT (", "-("])
def test_parentheses_nest_to_the_limit_and_no_deeper(opening: str) -> None:
    assert parse(opening * MAX_DEPTH + "a = 1" + ")" * MAX_DEPTH)
    with pytest.raises(FilterError, match=f"nest more than {MAX_DEPTH} deep") as caught:
        parse(opening * (MAX_DEPTH + 1) + "a = 1" + ")" * (MAX_DEPTH + 1))
    assert caught.value.position == len(opening) * (MAX_DEPTH + 1) - 1


@pytest.mark.parametrize("text", ["(" * 4000, "-(" * 2000, "NOT " * 1000, ")" * 4000, '"' * 3999, "a:" * 2000])
def test_four_thousand_characters_of_nothing_but_syntax_are_an_error_like_any_other(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text)


def test_parentheses_side_by_side_do_not_count_as_nested() -> None:
    tree = parse(" AND ".join(["(a = 1)"] * MAX_CONDITIONS))
    assert tree == And((A,) * MAX_CONDITIONS)


def test_a_filter_may_have_so_many_conditions_and_no_more() -> None:
    with pytest.raises(FilterError, match=f"more than {MAX_CONDITIONS} conditions") as caught:
        parse(" OR ".join(["a = 1"] * (MAX_CONDITIONS + 1)))
    assert caught.value.position == MAX_CONDITIONS * len("a = 1 OR ")


def test_long_text_is_cut_in_the_message() -> None:
    with pytest.raises(FilterError, match=r"found `x{40}…` after") as caught:
        parse("a = 1 " + "x" * 5000)
    assert len(str(caught.value)) < 200
