"""How long work says where it is. The command line draws it; tests and libraries stay silent."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    def __call__(self, step: str, done: int = 0, total: int = 0, /) -> None:
        """``step`` is under way; ``done`` of ``total`` units, where ``total`` 0 means that nobody knows."""
        ...


def silent(step: str, done: int = 0, total: int = 0, /) -> None:
    """A Progress that shows nothing."""
