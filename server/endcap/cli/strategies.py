"""`endcap strategies`: what a request can name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from endcap.cli._errors import refuse
from endcap.cli._tls import Ca, Certificate, Key, ServerName, UseTls, tls_of

if TYPE_CHECKING:
    from rich.table import Table

    from endcap.client import Tls
    from endcap.v1.admin_pb2 import ListStrategiesResponse


def command(
    bundle: Annotated[Path | None, typer.Option(help="A bundle, or a folder of bundles: look inside.")] = None,
    address: Annotated[str, typer.Option(help="A server to ask; default: localhost:50051.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    tls: UseTls = False,
    ca: Ca = None,
    certificate: Certificate = None,
    key: Key = None,
    server_name: ServerName = "",
) -> None:
    """List the strategies of a bundle or of a running server: their sources with limits, scorer and selector."""
    if bundle and address:
        refuse("give --bundle or --address, not both")
    if bundle:
        found = _of_bundle(bundle)
    else:
        found = _of_server(address or "localhost:50051", tls_of(tls, ca, certificate, key, server_name))
    if as_json:
        from google.protobuf.json_format import MessageToJson

        print(MessageToJson(found, preserving_proto_field_name=True, always_print_fields_with_no_presence=True))
        return
    from endcap.cli._console import results

    console = results()
    console.print(strategies_table(found))
    console.print(f"A request may name other sources ({', '.join(found.available_sources)})")
    console.print(f"and another scorer ({', '.join(found.available_scorers)}) for itself.")


def strategies_table(found: ListStrategiesResponse) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    for heading in ("strategy", "recall, with limits", "score", "select", "what it is for"):
        table.add_column(heading)
    for strategy in found.strategies:
        recall = ", ".join(f"{source.source} {source.limit}" for source in strategy.recall)
        name = f"{strategy.name} (default)" if strategy.is_default else strategy.name
        table.add_row(name, recall, strategy.scorer, strategy.selector, strategy.description)
    return table


def _of_server(address: str, tls: Tls | None) -> ListStrategiesResponse:
    from endcap.cli._calls import calling

    with calling(address, tls) as client:
        return client.list_strategies()


def _of_bundle(folder: Path) -> ListStrategiesResponse:
    from endcap.bundle.folder import BundleError, open_bundle
    from endcap.server.servicers.admin import list_of
    from endcap.strategies.registry import load_strategies
    from endcap.strategies.tables import StrategyError

    try:
        return list_of(load_strategies(open_bundle(folder)))
    except (BundleError, StrategyError, ImportError) as error:
        refuse(str(error))
