"""`endcap train`: from a shop's tables to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    config: Annotated[Path, typer.Option(help="The shop's TOML: where its tables are and what their columns mean.")],
    out: Annotated[Path, typer.Option(help="The folder that the bundle is written into.")] = Path("bundles"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Train on a shop's tables and write a bundle; its folder is the last line on stdout.

    Exit codes: 0 with a bundle; 2 when the configuration or the data cannot be used; 130 after Ctrl-C. Without a
    bundle nothing is left behind, except what a text model had learned by then, from where the next run goes on.
    """
    from endcap.cli._console import results
    from endcap.cli._summary import print_summary, summary_json
    from endcap.cli._training import run_training

    outcome = run_training(config, out)
    if as_json:
        print(summary_json(outcome))
        return
    print_summary(results(), outcome)
    print(outcome.trained.folder)
