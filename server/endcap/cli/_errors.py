"""How a command ends when it was asked for something that cannot be done."""

from __future__ import annotations

from typing import NoReturn

import typer

from endcap.cli import USAGE_ERROR


def refuse(message: str, code: int = USAGE_ERROR) -> NoReturn:
    """Say what is wrong in one message on stderr, without a traceback, and end; by default with exit code 2."""
    typer.echo(f"endcap: {message}", err=True)
    raise typer.Exit(code)
