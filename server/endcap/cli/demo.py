"""`endcap demo`: the whole way on a real shop's data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from endcap.cli._errors import refuse

if TYPE_CHECKING:
    from rich.console import Console

    from endcap.cli._demo.preparation import Prepared
    from endcap.cli._demo.server import Served


def command(
    once: Annotated[bool, typer.Option("--once", help="End after showing the rankings.")] = False,
    work: Annotated[Path, typer.Option(help="Where tables and bundles are kept.")] = Path(".endcap/demo"),
    port: Annotated[
        int | None, typer.Option(help="Where gRPC listens; default: 50051, or any free port.", min=0, max=65535)
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Where metrics are; default: 9464, or any free port.", min=0, max=65535)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rankings as one JSON object.")] = False,
    config: Annotated[Path | None, typer.Option(hidden=True, help="Another shop's shop.toml.")] = None,
) -> None:
    """Train on a grocer's real sales, serve the bundle and show rankings with their reasons.

    The first run writes tables and trains; later ones start from what it left. Serves until Ctrl-C.
    """
    start = time.monotonic()
    from endcap.cli._console import notices, results
    from endcap.cli._demo.server import served
    from endcap.cli._signals import Stopped, stoppable

    console = notices() if as_json else results()
    shown = False
    try:
        with stoppable():
            prepared = _prepared(work, config, console)
            with served(prepared.bundle, port, metrics_port, work / "server.log") as server:
                _show(prepared, server, work, start, None if as_json else console)
                shown = True
                if not once:
                    _wait(server, console)
    except Stopped as stopped:
        console.print("Stopped.")
        raise typer.Exit(0 if shown else stopped.exit_code) from None


def _prepared(work: Path, config: Path | None, console: Console) -> Prepared:
    from endcap.cli._demo.preparation import prepare

    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(f"{work}: {error.strerror}")
    return prepare(work, config, console)


def _show(prepared: Prepared, server: Served, work: Path, start: float, console: Console | None) -> None:
    """Every scene, as tables on ``console`` or else as JSON on stdout."""
    from endcap.bundle.folder import open_bundle
    from endcap.cli._calls import calling
    from endcap.cli._demo.cast import HEAVY, Cast
    from endcap.cli._demo.preparation import note_first_rankings
    from endcap.cli._demo.scenes import scenes
    from endcap.cli._demo.show import play, print_how_to, print_json, print_played

    cast, played = Cast(open_bundle(prepared.bundle, verify=False)), []
    with calling(server.address) as client:
        for each in play(client, scenes(cast)):
            played.append(each)
            if console:
                print_played(console, client, len(played), each)
            if len(played) == 1:
                seconds = time.monotonic() - start
                note_first_rankings(work, prepared, seconds)
    if console:
        print_how_to(console, server, cast.user_id(cast.shopper(HEAVY)), seconds)
    else:
        print_json(prepared, server, played, seconds)


def _wait(server: Served, console: Console) -> None:
    """Until Ctrl-C; a server that ends by itself ends the command."""
    console.print("Serving until Ctrl-C.")
    code = server.process.wait()
    refuse(f"the server ended with exit code {code}; see {server.log}", code=1)
