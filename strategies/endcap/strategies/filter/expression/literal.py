"""Reads the right side of a comparison: quotes, escapes, wildcards, numbers, truth values."""

from __future__ import annotations

import math
import re

from endcap.strategies.filter.expression.ast import Value
from endcap.strategies.filter.expression.error import FilterError, shown
from endcap.strategies.filter.expression.lexer import Token

_PIECE = re.compile(r"\\.|\*|[^\\*]+", re.DOTALL)
_ESCAPED = {r"\\": "\\", r"\"": '"', r"\'": "'", r"\*": "*", r"\n": "\n", r"\r": "\r", r"\t": "\t"}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def read_value(token: Token) -> Value:
    """The value that a ``word`` or ``string`` token writes.

    Raises FilterError for an escape that means nothing and for a ``*`` that is neither first nor last.
    """
    quoted = token.kind == "string"
    start = token.position + quoted
    pieces = list(_PIECE.finditer(token.text[1:-1] if quoted else token.text))
    open_start = bool(pieces) and pieces[0].group() == "*"
    pieces = pieces[open_start:]
    open_end = bool(pieces) and pieces[-1].group() == "*"
    pieces = pieces[: len(pieces) - open_end]
    text = "".join(_resolve(piece, start) for piece in pieces)
    return Value(text, quoted, open_start, open_end, token.position)


def _resolve(piece: re.Match[str], start: int) -> str:
    written = piece.group()
    if written == "*":
        message = r"a * is a wildcard at the start or the end of a value; for a * itself write \* in quoted text"
        raise FilterError(message, start + piece.start())
    if not written.startswith("\\"):
        return written
    if written not in _ESCAPED:
        raise FilterError(f"{shown(written)} is no escape; known: {' '.join(_ESCAPED)}", start + piece.start())
    return _ESCAPED[written]


def as_number(name: str, value: Value) -> float:
    """The number that ``value`` writes. Raises FilterError where it writes none, or one beyond float64."""
    if value.quoted and _NUMBER.fullmatch(value.text):
        raise FilterError(f"{shown(name)} is a number; write {shown(value.text)} without quotes", value.position)
    number = float(value.text) if _NUMBER.fullmatch(str(value)) else math.nan
    if not math.isfinite(number):
        message = f"{shown(name)} is a number; found {shown(str(value))}, expected a number such as 3, -0.5 or 1e6"
        raise FilterError(message, value.position)
    return number


def as_bool(name: str, value: Value) -> bool:
    """The truth value that ``value`` writes. Raises FilterError for all but a bare ``true`` or ``false``."""
    if str(value) not in ("true", "false"):
        message = f"{shown(name)} is a bool; found {shown(str(value))}, expected true or false, without quotes"
        raise FilterError(message, value.position)
    return value.text == "true"
