"""`endcap serve`: serve a bundle over gRPC."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from endcap.cli._errors import refuse


def command(
    bundle: Annotated[Path, typer.Option(help="A bundle, or a folder of bundles, of which the newest is served.")],
    port: Annotated[int, typer.Option(help="Where gRPC listens; 0 takes any free port.", min=0, max=65535)] = 50051,
    metrics_port: Annotated[
        int, typer.Option(help="Where Prometheus finds /metrics over HTTP; 0 takes any free port.", min=0, max=65535)
    ] = 9464,
    workers: Annotated[int, typer.Option(help="Processes that share the port; one a core.", min=1, max=256)] = 1,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on. 0.0.0.0 lets in all who reach it, unless [tls] asks for certificates."
        ),
    ] = "127.0.0.1",
    strategies: Annotated[
        Path | None, typer.Option(help="A TOML file of strategies, laid over the ready-made ones and the bundle's.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Compute threads of each worker.", min=1, max=64)] = 1,
    max_in_flight: Annotated[
        int, typer.Option(help="Requests that a worker takes on before it refuses; 0: 2 a thread and 32 more.", min=0)
    ] = 0,
    grace_seconds: Annotated[
        float, typer.Option(help="How long requests in flight may take after SIGTERM or Ctrl-C.", min=0)
    ] = 30.0,
    connection_age_seconds: Annotated[
        float, typer.Option(help="How old a connection gets before its client must connect anew; 0: for ever.", min=0)
    ] = 300.0,
    slate_cache_mib: Annotated[
        int, typer.Option(help="Memory of each worker for slates of strategies that say cache; 0: none.", min=0)
    ] = 64,
    cache_folder: Annotated[
        Path | None, typer.Option(help="A folder of the server's own, for vectors of searches that outlive a restart.")
    ] = None,
    cpu_only: Annotated[bool, typer.Option("--cpu-only", help="Leave a GPU alone, if there is one.")] = False,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log a JSON object a line.")] = False,
    config: Annotated[
        Path | None,
        typer.Option(help="A TOML file whose table [tls] turns on TLS: certificate, key, and client_ca for mTLS."),
    ] = None,
    health_port: Annotated[
        int | None,
        typer.Option(
            help="One more port, for health checks alone and always without TLS; 0 takes any free port.",
            min=0,
            max=65535,
        ),
    ] = None,
) -> None:
    """Serve a bundle over gRPC, until SIGTERM or Ctrl-C.

    Prints one line when all workers serve. Exit codes: 0 after draining, 1 when the workers keep dying, 2 when the
    bundle, a port, a strategy or TLS cannot be had.
    """
    from endcap.bundle.folder import BundleError
    from endcap.server.options import ServeOptions
    from endcap.server.ports import PortTaken
    from endcap.server.supervisor import GaveUp, Refused, serve
    from endcap.server.tls import TlsError, read_tls
    from endcap.strategies.tables import StrategyError

    try:
        options = ServeOptions(
            bundle=bundle,
            host=host,
            port=port,
            metrics_port=metrics_port,
            workers=workers,
            threads=threads,
            max_in_flight=max_in_flight,
            strategies=strategies,
            grace_seconds=grace_seconds,
            connection_age_seconds=connection_age_seconds,
            slate_cache_mib=slate_cache_mib,
            cache_folder=cache_folder,
            device="cpu" if cpu_only else "auto",
            json_logs=json_logs,
            tls=read_tls(config) if config else None,
            health_port=health_port,
        )
        serve(options, lambda line: print(line, flush=True))
    except (BundleError, StrategyError, TlsError, PortTaken, Refused) as error:
        refuse(str(error))
    except GaveUp as error:
        refuse(str(error), code=1)
