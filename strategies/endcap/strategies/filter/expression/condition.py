"""One condition over one column, as a vectorised test of rows.

Texts are compared once for each entry of the vocabulary; a row then only looks up its code.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from endcap.bundle.arrays import BoolArray, Int32Array, Int64Array, Scalar
from endcap.bundle.columns import MISSING, BoolColumn, Column, ListColumn, NumberColumn, StringColumn
from endcap.bundle.strings import StringTable
from endcap.strategies.filter.expression.ast import Comparison, Value
from endcap.strategies.filter.expression.error import FilterError, shown
from endcap.strategies.filter.expression.literal import as_bool, as_number

Rows: TypeAlias = Int32Array | None
"""int32[m] item numbers; None means every item, in order."""
Test: TypeAlias = Callable[[Rows], BoolArray]
"""Always answers with a new array, which the caller may change."""

_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC = _ORDER | {"=": operator.eq, ":": operator.eq}


def present(column: Column) -> Test:
    """Whether the row has a value; a list has one when it is not empty."""
    match column:
        case StringColumn():
            return lambda rows: _pick(column.codes, rows) != MISSING
        case NumberColumn():
            return lambda rows: ~np.isnan(_pick(column.values, rows))
        case BoolColumn():
            return lambda rows: _pick(column.values, rows) != MISSING
        case ListColumn():
            return lambda rows: _pick(column.offsets[1:], rows) > _pick(column.offsets[:-1], rows)


def compare(column: Column, comparison: Comparison) -> Test:
    """The test that ``comparison`` asks of ``column``.

    Raises FilterError where the operator does not apply to the column's kind, or the value is not of that kind.
    """
    if comparison.operator == "!=" and not isinstance(column, ListColumn):
        return negate(compare(column, replace(comparison, operator="=")))
    match column:
        case StringColumn():
            return _compare_string(column, comparison)
        case NumberColumn():
            return _compare_number(column, comparison)
        case BoolColumn():
            return _compare_bool(column, comparison)
        case ListColumn():
            return _compare_list(column, comparison)


def negate(test: Test) -> Test:
    return lambda rows: ~test(rows)


def _compare_string(column: StringColumn, comparison: Comparison) -> Test:
    is_wanted = _code_test(_wanted_texts(column.vocabulary, comparison))
    return lambda rows: is_wanted(_pick(column.codes, rows))


def _compare_number(column: NumberColumn, comparison: Comparison) -> Test:
    number = as_number(comparison.name, comparison.value)
    holds = _ARITHMETIC[comparison.operator]
    return lambda rows: holds(_pick(column.values, rows), number)


def _compare_bool(column: BoolColumn, comparison: Comparison) -> Test:
    if comparison.operator in _ORDER:
        raise _not_applicable(comparison, "bool", f"{comparison.name} = true", f"{comparison.name} = false")
    wanted = as_bool(comparison.name, comparison.value)
    return lambda rows: _pick(column.values, rows) == wanted


def _compare_list(column: ListColumn, comparison: Comparison) -> Test:
    if comparison.operator != ":":
        has = f"{comparison.name}:{comparison.value}"
        raise _not_applicable(comparison, "list", has, f"NOT {has}")
    is_wanted = _code_test(_matching(column.vocabulary, comparison.value))

    def holds_one(rows: Rows) -> BoolArray:
        offsets, codes = (column.offsets, column.codes) if rows is None else column.pieces(rows)
        return _any_in_pieces(is_wanted(codes), offsets)

    return holds_one


def _wanted_texts(vocabulary: StringTable, comparison: Comparison) -> BoolArray:
    """bool[vocabulary]: the texts for which the comparison holds."""
    value = comparison.value
    if comparison.operator == "=":
        return _matching(vocabulary, value)
    if value.has_wildcard:
        raise _needless_wildcard(comparison)
    if comparison.operator == ":":
        part = value.text.casefold()
        return np.fromiter((part in text.casefold() for text in vocabulary), np.bool_, len(vocabulary))
    holds = _ORDER[comparison.operator]
    return np.fromiter((holds(text, value.text) for text in vocabulary), np.bool_, len(vocabulary))


def _matching(vocabulary: StringTable, value: Value) -> BoolArray:
    return vocabulary.matches(value.text, open_start=value.open_start, open_end=value.open_end)


def _code_test(wanted: BoolArray) -> Callable[[Int32Array], BoolArray]:
    """A test of codes, by bool[vocabulary]. A missing code passes none."""
    chosen = np.flatnonzero(wanted).astype(np.int32)
    if len(chosen) == 1:  # the common case, at a tenth of a look-up's cost
        return lambda codes: codes == chosen[0]
    table = np.append(wanted, False)  # the last entry answers for code -1
    return lambda codes: table.take(codes)


def _any_in_pieces(marks: BoolArray, offsets: Int64Array) -> BoolArray:
    """bool[n]: whether a mark is in ``marks[offsets[i]:offsets[i + 1]]``, by counting the marks before each offset."""
    before = np.zeros(len(marks) + 1, np.int32)
    np.cumsum(marks, out=before[1:])
    at_offsets = before.take(offsets)
    any_marked: BoolArray = at_offsets[1:] > at_offsets[:-1]
    return any_marked


def _pick(values: npt.NDArray[Scalar], rows: Rows) -> npt.NDArray[Scalar]:
    return values if rows is None else values.take(rows)


def _not_applicable(comparison: Comparison, kind: str, *instead: str) -> FilterError:
    advice = " or ".join(map(shown, instead))
    message = f"{shown(comparison.name)} is a {kind}, to which {comparison.operator} does not apply; write {advice}"
    return FilterError(message, comparison.position)


def _needless_wildcard(comparison: Comparison) -> FilterError:
    reason = ": finds the text anywhere" if comparison.operator == ":" else f"{comparison.operator} takes a whole text"
    found = f"{shown(comparison.name)} is a string, where * is a wildcard after = and != alone ({reason})"
    advice = r"leave it out, or write \* for a * itself in quoted text"
    return FilterError(f"{found}; {advice}", comparison.value.position)
