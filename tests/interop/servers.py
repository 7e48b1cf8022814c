"""The servers that the cases name, and the channels by which drivers reach them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from ..support import tiny
from ..support.certificates import Authority
from ..support.live import Live
from .scripted import Scripted, scripted_server

STRATEGIES = """
default_strategy = "popular"
[strategies.popular]
recall = [{ use = "popular", limit = 20 }]
score = "by_source"
select = "top_k"
"""


class Servers:
    """Started when a case first asks for one, and kept until the end."""

    def __init__(self, trained_bundle: Path, folder: Path, keep: ExitStack) -> None:
        self.trained_bundle = trained_bundle
        self.folder = folder
        self.keep = keep
        self.authority = Authority.new(folder / "ca")
        self.other = Authority.new(folder / "other", "Other CA")
        self.server = self.authority.pair("server")
        self.caller = self.authority.pair("caller")
        self.stranger = self.other.pair("stranger")

    def target(self, server: str) -> str:
        """The address of one of: shop, tls, mtls, scripted, nothing."""
        address: str = getattr(self, server)
        return f"dns:///{address}"

    def tls_of(self, client: str) -> dict[str, str] | None:
        """A driver's part of the channel: for plain, tls, mtls, other_ca, strangers_certificate."""
        ca, other = {"ca": str(self.authority.path)}, {"ca": str(self.other.path)}
        shown = {"cert": str(self.caller.certificate), "key": str(self.caller.key)}
        strange = {"cert": str(self.stranger.certificate), "key": str(self.stranger.key)}
        named = {"server_name": "localhost"}
        known: dict[str, dict[str, str] | None] = {
            "plain": None,
            "tls": ca,
            "mtls": ca | shown | named,
            "other_ca": other,
            "strangers_certificate": ca | strange,
        }
        return known[client]

    @cached_property
    def shop(self) -> str:
        return self.keep.enter_context(Live(self.trained_bundle)).address

    @cached_property
    def tls(self) -> str:
        return self._secure("tls", "")

    @cached_property
    def mtls(self) -> str:
        return self._secure("mtls", f'client_ca = "{self.authority.path}"\n')

    @cached_property
    def scripts(self) -> Scripted:
        return self.keep.enter_context(scripted_server())

    @property
    def scripted(self) -> str:
        return self.scripts.target

    @cached_property
    def nothing(self) -> str:
        """A port that is taken, and where nobody listens."""
        taken = self.keep.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"

    def _secure(self, name: str, more: str) -> str:
        config = self.folder / f"{name}.toml"
        config.write_text(f'[tls]\ncertificate = "{self.server.certificate}"\nkey = "{self.server.key}"\n{more}')
        return self.keep.enter_context(self._tiny("--config", str(config))).address

    def two_workers(self) -> Live:
        """One more server, to be killed."""
        return self._tiny("--workers", "2")

    def _tiny(self, *arguments: str) -> Live:
        strategies = self.folder / "strategies.toml"
        strategies.write_text(STRATEGIES)
        return Live(self._tiny_bundle, "--strategies", str(strategies), *arguments)

    @cached_property
    def _tiny_bundle(self) -> Path:
        return tiny.write_bundle(self.folder / "bundles")


def plain_channel(address: str) -> dict[str, Any]:
    return {"target": f"dns:///{address}", "tls": None}


@contextmanager
def servers(trained_bundle: Path, folder: Path) -> Iterator[Servers]:
    with ExitStack() as keep:
        yield Servers(trained_bundle, folder, keep)
