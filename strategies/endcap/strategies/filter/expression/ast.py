"""What a filter says, as a tree: `parser.parse` makes it, ``str()`` writes it as text that parses to the same tree.

Positions are offsets into the filter text, kept for error messages; two trees that differ only in them are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", ":"]
OPERATORS: dict[str, Operator] = {operator: operator for operator in get_args(Operator)}

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "*": r"\*", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


@dataclass(frozen=True, slots=True)
class Value:
    """The right side of a comparison. What type it has is for the attribute to say."""

    text: str
    """Without quotes, escapes and wildcards."""
    quoted: bool = True
    open_start: bool = False
    """A wildcard ``*`` stands before the text."""
    open_end: bool = False
    """A wildcard ``*`` stands after the text."""
    position: int = field(default=0, compare=False)

    @property
    def has_wildcard(self) -> bool:
        return self.open_start or self.open_end

    def __str__(self) -> str:
        text = self.text.translate(_ESCAPES) if self.quoted else self.text
        pattern = "*" * self.open_start + text + "*" * self.open_end
        return f'"{pattern}"' if self.quoted else pattern


@dataclass(frozen=True, slots=True)
class Comparison:
    """``name operator value``, as in ``price < 3``."""

    name: str
    operator: Operator
    value: Value
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        space = "" if self.operator == ":" else " "
        return f"{self.name}{space}{self.operator}{space}{self.value}"


@dataclass(frozen=True, slots=True)
class Present:
    """``name:*``: the attribute has a value."""

    name: str
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.name}:*"


@dataclass(frozen=True, slots=True)
class Not:
    term: Expression

    def __str__(self) -> str:
        return f"NOT {_inner(self.term)}"


@dataclass(frozen=True, slots=True)
class And:
    """All terms hold: two or more of them, or none for the empty filter, which keeps everything."""

    terms: tuple[Expression, ...]

    def __str__(self) -> str:
        return " AND ".join(map(_inner, self.terms))


@dataclass(frozen=True, slots=True)
class Or:
    """Some term holds, of two or more."""

    terms: tuple[Expression, ...]

    def __str__(self) -> str:
        return " OR ".join(map(_inner, self.terms))


Expression: TypeAlias = Comparison | Present | Not | And | Or

EVERYTHING = And(())


def _inner(term: Expression) -> str:
    """Parentheses even where precedence makes them needless: few readers expect OR to bind tighter than AND."""
    return str(term) if isinstance(term, Comparison | Present) else f"({term})"
