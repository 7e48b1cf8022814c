"""`endcap evaluate`: how well the strategies rank a shop's own data, against honest baselines."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from endcap.cli._errors import refuse

if TYPE_CHECKING:
    from endcap.training.progress import Progress


class Protocol(StrEnum):
    temporal = "temporal"
    leave_one_out = "leave_one_out"
    cold = "cold"


def command(
    config: Annotated[Path, typer.Option(help="The shop's TOML, as for `endcap train`.")],
    protocol: Annotated[
        Protocol,
        typer.Option(
            help="temporal: train on what lies before the last days and rank for what comes in them. "
            "leave_one_out: hold back each shopper's last goal event; for data without dates. "
            "cold: as temporal, and hide whole items and shoppers from training, to ask for these alone."
        ),
    ] = Protocol.temporal,
    holdout_days: Annotated[float, typer.Option(min=0.0001, help="How many last days are held back.")] = 28.0,
    bundle: Annotated[
        Path | None, typer.Option(help="A bundle trained before these days; without it one is trained for this.")
    ] = None,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Also retrain without each recall source and feature group. Takes long.")
    ] = False,
    cold_items: Annotated[
        float, typer.Option(min=0, max=0.5, help="With --protocol cold: the share of the items that is hidden.")
    ] = 0.05,
    cold_shoppers: Annotated[
        float, typer.Option(min=0, max=0.5, help="With --protocol cold: the share of the shoppers that is hidden.")
    ] = 0.1,
    judgments: Annotated[
        Path | None,
        typer.Option(
            help="Judge searches instead, by ratings: a table with columns query, item_id, rating. No events."
        ),
    ] = None,
    train_judgments: Annotated[
        Path | None, typer.Option(help="With --judgments: what the search ranker may learn from before.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every number into this file.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a report to read into this file.")] = None,
) -> None:
    """Measure ranking quality on data that training has not seen; all items compete, never a sample.

    Exit codes: 0 with numbers; 2 when the configuration, the data or the bundle cannot be used; 130 after Ctrl-C.
    """
    from endcap.cli._bars import Bars
    from endcap.cli._console import notices, results
    from endcap.cli._quality import print_quality
    from endcap.cli._signals import stoppable
    from endcap.cli._training import mistakes_told

    _check_files(json_file, html_file)
    if judgments is not None or train_judgments is not None:
        _searches(config, judgments, train_judgments, bundle, json_file, html_file)
        return
    if protocol is Protocol.cold:
        if bundle is not None or ablate:
            refuse(
                "--protocol cold: trains a bundle of its own, without what is hidden; leave --bundle and --ablate out"
            )
        _cold(config, (cold_items, cold_shoppers, holdout_days), json_file, html_file)
        return
    with mistakes_told(config, "nothing was written"), stoppable(), Bars(notices()) as bars:
        found = _evaluate(config, protocol, holdout_days, bundle, ablate, bars)
        from endcap.training.report.page import page

        _write(found, json_file, html_file, page)
    print_quality(results(), found)


def _evaluate(
    config: Path, protocol: str, holdout_days: float, bundle: Path | None, ablate: bool, progress: Progress
) -> dict[str, Any]:
    from endcap.cli._training import read_config

    loaded = read_config(config)  # before the imports that take seconds
    from endcap.training.evaluate.evaluation import evaluate
    from endcap.training.evaluate.given import Options

    return evaluate(loaded, Options(str(protocol), holdout_days, bundle, ablate), progress)


def _cold(config: Path, asked: tuple[float, float, float], json_file: Path | None, html_file: Path | None) -> None:
    from endcap.cli._bars import Bars
    from endcap.cli._cold import print_cold
    from endcap.cli._console import notices, results
    from endcap.cli._signals import stoppable
    from endcap.cli._training import mistakes_told, read_config

    with mistakes_told(config, "nothing was written"), stoppable(), Bars(notices()) as bars:
        loaded = read_config(config)
        from endcap.training.evaluate.cold.evaluation import ColdOptions, evaluate_cold
        from endcap.training.report.cold import cold_page

        found = evaluate_cold(loaded, ColdOptions(*asked), bars)
        _write(found, json_file, html_file, cold_page)
    print_cold(results(), found)


def _searches(
    config: Path,
    judgments: Path | None,
    train_judgments: Path | None,
    bundle: Path | None,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    from endcap.cli._bars import Bars
    from endcap.cli._console import notices, results
    from endcap.cli._searches import print_searches
    from endcap.cli._signals import stoppable
    from endcap.cli._training import mistakes_told, read_config

    if judgments is None:
        refuse("--train-judgments: expected --judgments FILE beside it, the searches to ask")
    with mistakes_told(config, "nothing was written"), stoppable(), Bars(notices()) as bars:
        loaded = read_config(config)
        from endcap.training.evaluate.searches import SearchOptions, evaluate_searches
        from endcap.training.report.searches import searches_page

        found = evaluate_searches(loaded, SearchOptions(judgments, train_judgments, bundle), bars)
        _write(found, json_file, html_file, searches_page)
    print_searches(results(), found)


def _write(
    found: dict[str, Any],
    json_file: Path | None,
    html_file: Path | None,
    page: Callable[[dict[str, Any]], str],
) -> None:
    import json

    if json_file:
        json_file.write_text(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    if html_file:
        html_file.write_text(page(found), encoding="utf-8")


def _check_files(*files: Path | None) -> None:
    """Before minutes of work, not after them."""
    given = [file.absolute() for file in files if file is not None]
    for file in given:
        if not file.parent.is_dir():
            refuse(f"{file}: found no folder {file.parent} to write into; create it first")
        if file.is_dir():
            refuse(f"{file}: found a folder, expected the name of a file")
    if len(set(given)) < len(given):
        refuse(f"{given[0]}: found the same file for --json and --html, expected two")
