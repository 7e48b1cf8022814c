"""The command line: one file a command, imported only when it is called for.

A module `endcap.cli.NAME` with a function `command` is the command `endcap NAME`; its docstring is its help. Modules
whose name starts with an underscore are shared parts and no commands. A command imports what is heavy inside its
function, so that `endcap --help` is quick and `endcap serve` never imports what only training needs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, cast

import typer

USAGE_ERROR = 2
MISUSED = cast("type[Exception]", typer.BadParameter.__mro__[2])
"""What is raised for options and commands that are not there; typer gives it no name of its own."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; ends by SystemExit. ``arguments`` are those after the program's name (default: sys.argv)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    known = commands()
    wanted = [given[0]] if given and given[0] in known else known  # help and misspellings need them all
    app = typer.Typer(name="endcap", pretty_exceptions_enable=False, add_completion=False)
    app.callback()(_about)
    for name in wanted:
        command = import_module(f"{__name__}.{name}").command
        app.command(name, help=_flowing(command.__doc__))(command)
    sys.exit(_ended(app, given or ["--help"]))


def _ended(app: typer.Typer, given: Sequence[str]) -> int:
    """The exit code of the command. What was asked for in a wrong way is told in one line, without a box around it."""
    try:
        code = app(args=given, prog_name="endcap", standalone_mode=False)
    except MISUSED as raised:
        error: Any = raised
        asked = getattr(getattr(error, "ctx", None), "command_path", "endcap")
        message = " ".join(str(error.format_message()).replace("Value error, ", "").split()).rstrip(".")
        typer.echo(f"endcap: {message[:1].lower()}{message[1:]}; `{asked} --help` shows what there is", err=True)
        return USAGE_ERROR
    return code if isinstance(code, int) else 0


def commands() -> list[str]:
    """The names of all commands."""
    return [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]


def _flowing(text: str) -> str:
    """Paragraphs without line ends, since help breaks lines where the terminal does and keeps those it finds."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _about() -> None:
    """Endcap, a ranking service for shops: which items should this request see, in what order, and why."""
