"""A filter compiled for one catalog: its names and types are checked once, then it tests all items or a few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from endcap.bundle.arrays import BoolArray, Int32Array
from endcap.bundle.columns import Column
from endcap.strategies.filter.expression.ast import And, Comparison, Expression, Not, Or, Present
from endcap.strategies.filter.expression.condition import Rows, Test, compare, negate, present
from endcap.strategies.filter.expression.error import FilterError, shown
from endcap.strategies.filter.expression.parser import parse

_LISTED_NAMES = 30


@dataclass(frozen=True)
class CompiledFilter:
    """Holds on to the columns that it tests, and to a table of bool[vocabulary] for each condition on texts."""

    expression: Expression
    item_count: int
    _test: Test

    def mask(self) -> BoolArray:
        """bool[item_count]: which items pass."""
        return self._test(None)

    def keep(self, items: Int32Array) -> BoolArray:
        """bool[m]: which of ``items`` (int32[m], numbers 0 to item_count - 1) pass."""
        return self._test(items)


def compile_filter(text: str, columns: Mapping[str, Column]) -> CompiledFilter:
    """``text`` for a catalog with these attributes, all of one row an item.

    Texts are compared here, once for each entry of a vocabulary: keep the result where filters repeat. Raises
    FilterError for a text outside the language, an attribute that is not in ``columns``, an operator that does not
    apply to an attribute's kind and a value that is not of that kind.
    """
    expression = parse(text)
    item_count = len(next(iter(columns.values()), ()))
    return CompiledFilter(expression, item_count, _compile(expression, columns, item_count))


def _compile(expression: Expression, columns: Mapping[str, Column], item_count: int) -> Test:
    match expression:
        case And(terms=()):
            return lambda rows: np.ones(item_count if rows is None else len(rows), np.bool_)
        case And(terms=terms):
            return _joined(np.logical_and, [_compile(term, columns, item_count) for term in terms])
        case Or(terms=terms):
            return _joined(np.logical_or, [_compile(term, columns, item_count) for term in terms])
        case Not(term=term):
            return negate(_compile(term, columns, item_count))
        case Present():
            return present(_column(expression, columns))
        case Comparison():
            return compare(_column(expression, columns), expression)


def _joined(combine: np.ufunc, tests: list[Test]) -> Test:
    def test(rows: Rows) -> BoolArray:
        answer = tests[0](rows)
        for other in tests[1:]:
            combine(answer, other(rows), out=answer)
        return answer

    return test


def _column(condition: Comparison | Present, columns: Mapping[str, Column]) -> Column:
    found = columns.get(condition.name)
    if found is None:
        raise FilterError(
            f"no attribute {shown(condition.name)}; {_suggestion(condition.name, columns)}", condition.position
        )
    return found


def _suggestion(name: str, columns: Mapping[str, Column]) -> str:
    known = sorted(columns)
    more = f" and {len(known) - _LISTED_NAMES} more" if len(known) > _LISTED_NAMES else ""
    listed = f"known: {', '.join(known[:_LISTED_NAMES]) or 'none'}{more}"
    close = get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(close)}? {listed}" if close else listed
