"""Parses a filter text by recursive descent, one method a rule of the grammar.

filter     = [ expression ]
expression = factor { "AND" factor }
factor     = term { "OR" term }                  OR binds tighter than AND, as AIP-160 says
term       = [ "NOT" | "-" ] simple
simple     = "(" expression ")" | condition
condition  = name comparator value | name ":" "*"
"""

from __future__ import annotations

import re

from endcap.strategies.filter.expression.ast import (
    EVERYTHING,
    OPERATORS,
    And,
    Comparison,
    Expression,
    Not,
    Operator,
    Or,
    Present,
)
from endcap.strategies.filter.expression.error import FilterError
from endcap.strategies.filter.expression.lexer import Token, TokenKind, tokenize
from endcap.strategies.filter.expression.literal import read_value

MAX_DEPTH = 50
"""Parentheses within parentheses. Every other rule adds no depth, so this bounds the recursion of parser and tree."""
MAX_CONDITIONS = 100
"""In one filter: each may read a whole vocabulary, and a short text could otherwise ask for seconds of work."""

_NAME = re.compile(r"[^\W\d][\w-]*(?:\.[\w-]+)*")
_MEANT = {"and": "AND", "&": "AND", "&&": "AND", "or": "OR", "|": "OR", "||": "OR", "not": "NOT"}


def parse(text: str) -> Expression:
    """The tree of ``text``, whatever catalog it is meant for; an empty text is the filter that keeps everything.

    Raises FilterError, and nothing else, for a text outside the language.
    """
    parser = _Parser(text)
    return EVERYTHING if parser.next.kind == "end" else parser.whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)
        self._depth = 0
        self._conditions = 0
        self.next = next(self._tokens)

    def whole(self) -> Expression:
        expression = self._expression()
        if self.next.kind == ")":
            raise FilterError("found ) without a ( before it", self.next.position)
        if self.next.kind != "end":
            raise _missing_operator(self.next)
        return expression

    def _expression(self) -> Expression:
        terms = [self._factor()]
        while self._accept("AND"):
            terms.append(self._factor())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _factor(self) -> Expression:
        terms = [self._term()]
        while self._accept("OR"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _term(self) -> Expression:
        if self._accept("NOT") or self._accept("-"):
            if self.next.kind in ("NOT", "-"):
                raise FilterError("two negations in a row; to negate twice, use parentheses", self.next.position)
            return Not(self._simple())
        return self._simple()

    def _simple(self) -> Expression:
        opening = self._accept("(")
        if opening is None:
            return self._condition()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterError(f"parentheses nest more than {MAX_DEPTH} deep; simplify the filter", opening.position)
        expression = self._expression()
        self._close(opening)
        self._depth -= 1
        return expression

    def _close(self, opening: Token) -> None:
        if self.next.kind == "end":
            raise FilterError("the ( that stands here has no ) after it", opening.position)
        if not self._accept(")"):
            raise _missing_operator(self.next)

    def _condition(self) -> Comparison | Present:
        name = self._name()
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise FilterError(f"more than {MAX_CONDITIONS} conditions; simplify the filter", name.position)
        operator = self._operator(name)
        value = self._value(operator)
        if operator == ":" and value.text == "*":
            return Present(name.text, name.position)
        return Comparison(name.text, operator, read_value(value), name.position)

    def _name(self) -> Token:
        found = self._advance()
        if found.kind != "word" or not _NAME.fullmatch(found.text):
            message = f"found {found}, expected a condition that starts with an attribute's name, such as price < 3"
            raise FilterError(message, found.position)
        return found

    def _operator(self, name: Token) -> Operator:
        found = self._advance()
        if found.text in OPERATORS:
            return OPERATORS[found.text]
        if name.text in _MEANT:
            raise FilterError(f"found {name}, expected a condition; did you mean {_MEANT[name.text]}?", name.position)
        known = " ".join(OPERATORS)
        raise FilterError(f"found {found} after {name}, expected one of {known}", found.position)

    def _value(self, operator: Operator) -> Token:
        found = self._advance()
        if found.kind in ("word", "string"):
            return found
        message = f"found {found} after {operator}, expected a value: a word, a number, true, false or quoted text"
        if found.kind == "(":
            message += "; compare with one value at a time, as in a = 1 OR a = 2"
        raise FilterError(message, found.position)

    def _advance(self) -> Token:
        token = self.next
        if token.kind != "end":
            self.next = next(self._tokens)
        return token

    def _accept(self, kind: TokenKind) -> Token | None:
        return self._advance() if self.next.kind == kind else None


def _missing_operator(found: Token) -> FilterError:
    meant = _MEANT.get(found.text.lower())
    advice = f"did you mean {meant}?" if meant else "join conditions by AND or OR; text with spaces needs quotes"
    return FilterError(f"found {found} after a complete condition; {advice}", found.position)
