"""The compiled filter against a naive reading of the language, one row at a time."""

from __future__ import annotations

import operator
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.columns import BoolColumn, Column, ListColumn, NumberColumn, StringColumn
from endcap.strategies.filter.expression import (
    And,
    Comparison,
    Expression,
    FilterError,
    Not,
    Or,
    Present,
    Value,
    compile_filter,
    parse,
)

Row: TypeAlias = dict[str, Any]

TEXTS = st.sampled_from(
    ["", "a", "A", "ab", "ba", "ß", "SS", "ss", "İ", "i̇", "日本", "*", "a*", '"', "\\", "\n", "AND", "1"]
)
ANY_TEXTS = TEXTS | st.text(max_size=6)
NUMBERS = st.sampled_from([0.0, -1.0, 1.0, 2.5, 1e300]) | st.floats(allow_nan=False, allow_infinity=False)

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "brand": st.none() | ANY_TEXTS,
            "attributes.colour": st.none() | TEXTS,
            "price": st.none() | NUMBERS,
            "available": st.none() | st.booleans(),
            "tags": st.lists(TEXTS, max_size=3),
        }
    ),
    max_size=8,
)


def columns_of(rows: list[Row]) -> dict[str, Column]:
    return {
        "brand": StringColumn.of([row["brand"] for row in rows]),
        "attributes.colour": StringColumn.of([row["attributes.colour"] for row in rows]),
        "price": NumberColumn.of([row["price"] for row in rows]),
        "available": BoolColumn.of([row["available"] for row in rows]),
        "tags": ListColumn.of([row["tags"] for row in rows]),
    }


# -- expressions that fit those columns ------------------------------------------------------------------------------


@st.composite
def patterns(draw: st.DrawFn) -> Value:
    text = draw(ANY_TEXTS)
    open_start = draw(st.booleans())
    # `"*"` alone reads as an open start
    return Value(text, open_start=open_start, open_end=(bool(text) or open_start) and draw(st.booleans()))


PLAIN = st.builds(Value, ANY_TEXTS) | st.sampled_from(["a", "ab", "1", "ß", "a-b", "true"]).map(
    lambda t: Value(t, False)
)
NUMERALS = NUMBERS.map(lambda number: Value(repr(number), quoted=False))
TRUTHS = st.sampled_from([Value("true", quoted=False), Value("false", quoted=False)])
STRING_NAMES = st.sampled_from(["brand", "attributes.colour"])

CONDITIONS = st.one_of(
    st.builds(Comparison, STRING_NAMES, st.sampled_from(["=", "!="]), patterns() | PLAIN),
    st.builds(Comparison, STRING_NAMES, st.sampled_from(["<", "<=", ">", ">=", ":"]), PLAIN),
    st.builds(Comparison, st.just("price"), st.sampled_from(["=", "!=", "<", "<=", ">", ">=", ":"]), NUMERALS),
    st.builds(Comparison, st.just("available"), st.sampled_from(["=", "!=", ":"]), TRUTHS),
    st.builds(Comparison, st.just("tags"), st.just(":"), patterns() | PLAIN),
    st.builds(Present, st.sampled_from(["brand", "attributes.colour", "price", "available", "tags"])),
)


def _joined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    terms = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(And, terms) | st.builds(Or, terms)


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(CONDITIONS, _joined, max_leaves=8)

# -- the naive reading -----------------------------------------------------------------------------------------------

ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def passes(expression: Expression, row: Row) -> bool:
    if isinstance(expression, And):
        return all(passes(term, row) for term in expression.terms)
    if isinstance(expression, Or):
        return any(passes(term, row) for term in expression.terms)
    if isinstance(expression, Not):
        return not passes(expression.term, row)
    found = row[expression.name]
    if isinstance(expression, Present):
        return found not in (None, [])
    if expression.operator == "!=":
        return found is None or not holds(found, "=", expression.value)
    return found is not None and holds(found, expression.operator, expression.value)


def holds(found: Any, sign: str, value: Value) -> bool:
    if isinstance(found, list):
        return any(matches(text, value) for text in found)
    if isinstance(found, str):
        return string_holds(found, sign, value)
    wanted = value.text == "true" if isinstance(found, bool) else float(value.text)
    return bool(ORDER.get(sign, operator.eq)(found, wanted))


def string_holds(found: str, sign: str, value: Value) -> bool:
    if sign == "=":
        return matches(found, value)
    if sign == ":":
        return value.text.casefold() in found.casefold()
    return bool(ORDER[sign](found, value.text))


def matches(found: str, value: Value) -> bool:
    starts = range(len(found) + 1) if value.open_start else [0]
    ends = range(len(found) + 1) if value.open_end else [len(found)]
    return any(start <= end and found[start:end] == value.text for start in starts for end in ends)


# -- what must hold --------------------------------------------------------------------------------------------------


@given(ROWS, EXPRESSIONS)
def test_a_compiled_filter_keeps_the_rows_that_a_naive_reading_keeps(rows: list[Row], expression: Expression) -> None:
    compiled = compile_filter(str(expression), columns_of(rows))
    assert compiled.mask().tolist() == [passes(expression, row) for row in rows]


@given(ROWS, EXPRESSIONS, st.data())
def test_keep_is_the_mask_at_the_items(rows: list[Row], expression: Expression, data: st.DataObject) -> None:
    compiled = compile_filter(str(expression), columns_of(rows))
    items = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1)) if rows else st.just([])), np.int32)
    assert compiled.keep(items).tolist() == compiled.mask()[items].tolist()


@given(EXPRESSIONS)
def test_a_tree_written_as_text_parses_to_the_same_tree(expression: Expression) -> None:
    assert parse(str(expression)) == expression


SIGNS = [*"()-:=<>!*,\\\"' ", "<=", "!=", "AND", "OR", "NOT", " AND ", " OR ", "NOT "]
WORDS = ["price", "tags", "brand", "available", "3", "-1", "true", '"a"', "'b*'", "é", "\0", "\ud800"]
WHOLES = ["price < 3", "tags:x", "brand:*", "available = true"]
SCRIBBLES = st.lists(st.sampled_from(SIGNS + WORDS + WHOLES), max_size=15).map("".join) | st.text(st.characters())


def error_in(text: str) -> FilterError | None:
    try:
        compiled = compile_filter(text, columns_of([]))
    except FilterError as error:
        return error
    assert parse(str(compiled.expression)) == compiled.expression
    return None


@given(SCRIBBLES)
def test_any_text_at_all_is_a_filter_or_a_filter_error_within_the_text(text: str) -> None:
    if error := error_in(text):
        assert 0 <= error.position <= len(text)
        assert str(error).isprintable()  # so that it can be sent and logged, whatever the text held


@given(EXPRESSIONS, st.integers(min_value=0), SCRIBBLES)
def test_so_is_a_filter_with_scribbles_in_it(expression: Expression, place: int, scribble: str) -> None:
    text = str(expression)
    cut = place % (len(text) + 1)
    if error := error_in(text[:cut] + scribble + text[cut:]):
        assert 0 <= error.position <= len(text) + len(scribble)


@given(ROWS, st.sampled_from(["price", "available", "tags"]), PLAIN)
def test_a_text_where_another_type_belongs_is_refused_at_the_text_or_the_name(
    rows: list[Row], name: str, value: Value
) -> None:
    text = str(Comparison(name, "<=", value))
    if name == "price" and value == Value("1", quoted=False):
        return
    with pytest.raises(FilterError) as caught:
        compile_filter(text, columns_of(rows))
    assert caught.value.position == (len("price <= ") if name == "price" else 0)
