"""The options by which a command reaches a server over TLS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from endcap.cli._errors import refuse

if TYPE_CHECKING:
    from endcap.client import Tls

UseTls = Annotated[bool, typer.Option("--tls", help="Use TLS, and trust the public CAs. Each option below implies it.")]
Ca = Annotated[Path | None, typer.Option(help="Use TLS, and trust this CA alone (PEM).")]
Certificate = Annotated[Path | None, typer.Option(help="Your own certificate, for a server that asks for one (PEM).")]
Key = Annotated[Path | None, typer.Option(help="Its private key (PEM).")]
ServerName = Annotated[str, typer.Option(help="The name in the server's certificate, if it is not the address's.")]


def tls_of(use: bool, ca: Path | None, certificate: Path | None, key: Path | None, server_name: str) -> Tls | None:
    """None where nothing asks for TLS. Ends the command where the files are no good."""
    if not (use or ca or certificate or key or server_name):
        return None
    from endcap.client import Tls

    tls = Tls(ca, certificate, key, server_name)
    try:
        tls.credentials()
    except ValueError as error:
        refuse(str(error))
    return tls
