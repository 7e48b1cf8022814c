"""What is wrong with the shop's own input; the command line prints the message alone and exits with code 2.

TrainingInputError
├── ConfigError    shop.toml: a key, a value, a path
└── DataError      a table: its columns, its values, what is left of it
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TrainingInputError(Exception):
    """One line that names the file and the key or column, what was found, and what was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class ConfigError(TrainingInputError):
    """The configuration cannot be used."""


class DataError(TrainingInputError):
    """A table cannot be used."""


def closest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` where a known name is near, the list of known names otherwise."""
    known = sorted(known)
    lowered = {entry.lower(): entry for entry in known}
    if near := get_close_matches(name.lower(), lowered, n=1, cutoff=0.6):
        return f"did you mean {lowered[near[0]]!r}?"
    return f"expected one of: {', '.join(known)}" if known else "none is known here"
