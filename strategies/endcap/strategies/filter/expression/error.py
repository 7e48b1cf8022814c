"""What is wrong with a filter, and where."""

from __future__ import annotations

_SHOWN_LENGTH = 40


class FilterError(ValueError):
    """A filter text that cannot be used. ``str()`` of it is meant for whoever wrote the filter."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.message = message
        """What was found, what was expected, what to do."""
        self.position = position
        """Offset into the filter text, in characters from 0."""


def shown(text: str) -> str:
    """A piece of the caller's text as a message shows it: in backticks, printable, and cut where it is long."""
    start = text[:_SHOWN_LENGTH] + "…" * (len(text) > _SHOWN_LENGTH)
    return "`" + "".join(character if character.isprintable() else ascii(character)[1:-1] for character in start) + "`"
