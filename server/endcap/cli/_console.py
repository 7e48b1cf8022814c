"""Where the command line prints: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from rich.console import Console

PLAIN_WIDTH = 120
"""Columns of a table in a file or a pipe, which have no width of their own."""


def results() -> Console:
    return _console(sys.stdout)


def notices() -> Console:
    return _console(sys.stderr)


def _console(file: TextIO) -> Console:
    fixed = not file.isatty() and "COLUMNS" not in os.environ
    return Console(file=file, width=PLAIN_WIDTH if fixed else None, highlight=False)
