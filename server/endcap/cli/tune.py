"""`endcap tune`: a search for better limits of recall and parameters of the ranker."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from endcap.cli._errors import refuse

if TYPE_CHECKING:
    from endcap.training.progress import Progress


class What(StrEnum):
    both = "both"
    limits = "limits"
    ranker = "ranker"


def command(
    config: Annotated[Path, typer.Option(help="The shop's TOML, as for `endcap train`.")],
    what: Annotated[
        What, typer.Option(help="What to search: how many candidates each source may propose, the ranker, or both.")
    ] = What.both,
    trials: Annotated[
        int, typer.Option(min=2, help="How many settings to try in all; the first is the shop as it is.")
    ] = 30,
    holdout_days: Annotated[
        float, typer.Option(min=0, help="The last days, which are not read: `endcap evaluate` then asks for them.")
    ] = 28.0,
    study: Annotated[
        Path, typer.Option(help="The file of all trials; a search that was stopped goes on there.")
    ] = Path("endcap-tune.log"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Search for better settings, and print the lines for shop.toml that the best of them are.

    The best of many trials looks better than it is: check it with `endcap evaluate` before it serves anyone.
    Exit codes: 0 with settings; 2 when the configuration or the data cannot be used; 130 after Ctrl-C, with every
    trial so far kept.
    """
    from importlib.util import find_spec

    from endcap.cli._bars import Bars
    from endcap.cli._console import notices
    from endcap.cli._signals import stoppable
    from endcap.cli._training import mistakes_told

    if find_spec("optuna") is None:
        refuse("tuning needs optuna, not installed here: pip install 'endcap[train,tune]'")
    if study.is_dir() or not study.absolute().parent.is_dir():
        refuse(f"{study}: expected a file for the trials, new or of an earlier search, in a folder that is there")
    kept = f"the trials so far are in {study}; the same command goes on from there"
    with mistakes_told(study, kept), stoppable(), Bars(notices()) as bars:
        found = _tune(config, str(what), trials, holdout_days, study, bars)
    _print(found, as_json)


def _tune(config: Path, what: str, trials: int, holdout_days: float, study: Path, progress: Progress) -> dict[str, Any]:
    from endcap.cli._training import read_config

    loaded = read_config(config)  # before the imports that take seconds
    from endcap.training.tune.search import Options, tune

    return tune(loaded, Options(what, trials, holdout_days, study), progress)


def _print(found: dict[str, Any], as_json: bool) -> None:
    import json

    if as_json:
        print(json.dumps(found))
        return
    low, high = found["ahead"]["interval"]
    ahead = f"{found['ahead']['difference']:+.4f}, 95 %: {low:+.4f} to {high:+.4f}"
    print(
        f"{found['trials']} settings tried for {found['shoppers']:,} shoppers. "
        f"NDCG@10 as it is: {found['as_it_is']:.4f}; best: {found['best']:.4f} ({ahead}).\n"
        "The best of many looks better than it is: put these lines into shop.toml, then ask `endcap evaluate`.\n"
    )
    print(found["toml"], end="")
