"""Cuts a filter text into tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from endcap.strategies.filter.expression.error import FilterError, shown

TokenKind: TypeAlias = Literal["(", ")", "-", "AND", "OR", "NOT", "comparator", "word", "string", "end"]

_FIXED: dict[str, TokenKind] = {"(": "(", ")": ")", "AND": "AND", "OR": "OR", "NOT": "NOT"}
_PIECE = re.compile(
    r"""  (?P<space> \s+ )
        | (?P<comparator> <= | >= | != | [=<>:] )
        | (?P<string> "(?: [^"\\] | \\. )*+" | '(?: [^'\\] | \\. )*+' )
        | (?P<rest> [()] | [^\s()<>=!:"'\\,]+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_ADVICE = {
    '"': "the text that starts here has no closing quote",
    "'": "the text that starts here has no closing quote; for a quote within a value, write the value in double quotes",
    "!": "! stands in != alone; to negate a condition write NOT before it",
    "\\": "a backslash stands in quoted text alone; put the value in quotes",
    ",": "a comma joins nothing; join conditions by AND or OR, and put a value with a comma in quotes",
}


class Token(NamedTuple):
    kind: TokenKind
    text: str
    """As written, quotes and escapes included."""
    position: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else shown(self.text)


def tokenize(text: str) -> Iterator[Token]:
    """The tokens of ``text``, the last of kind ``end``. Raises FilterError at a character that starts no token."""
    position, last = 0, ""
    while position < len(text):
        piece = _PIECE.match(text, position)
        if piece is None:
            raise FilterError(_ADVICE[text[position]], position)
        if piece.lastgroup != "space":
            token = _token(piece, after_comparator=last == "comparator")
            yield token
            last = token.kind
            position += len(token.text)
        else:
            position = piece.end()
    yield Token("end", "", len(text))


def _token(piece: re.Match[str], *, after_comparator: bool) -> Token:
    text = piece.group()
    if piece.lastgroup == "comparator":
        return Token("comparator", text, piece.start())
    if piece.lastgroup == "string":
        return Token("string", text, piece.start())
    if text.startswith("-") and not after_comparator:  # `-available:true` negates, `price > -3` does not
        return Token("-", "-", piece.start())
    return Token(_FIXED.get(text, "word"), text, piece.start())
