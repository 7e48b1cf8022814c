"""Commands that call a server over mTLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ..support import tiny
from ..support.certificates import Authority
from ..support.live import Live
from .conftest import Run


class Mutual(NamedTuple):
    address: str
    ca: Path
    caller: tuple[str, ...]


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mutual]:
    folder = tmp_path_factory.mktemp("mtls")
    authority = Authority.new(folder)
    server, caller = authority.pair("server"), authority.pair("caller")
    config = folder / "serve.toml"
    config.write_text(
        f'[tls]\ncertificate = "{server.certificate.name}"\nkey = "{server.key.name}"\n'
        f'client_ca = "{authority.path.name}"\n'
    )
    (folder / "strategies.toml").write_text(
        'default_strategy = "popular"\n[strategies.popular]\nrecall = [{ use = "popular", limit = 9 }]\n'
        'score = "by_source"\nselect = "top_k"\n'
    )
    more = ("--config", str(config), "--strategies", str(folder / "strategies.toml"))
    with Live(tiny.write_bundle(folder / "bundles"), *more) as live:
        options = ("--ca", authority.path, "--certificate", caller.certificate, "--key", caller.key)
        yield Mutual(live.address, authority.path, tuple(map(str, options)))


@pytest.mark.parametrize("command", [("rank", "--user", "u1"), ("strategies",)])
def test_a_command_shows_its_certificate(run: Run, mutual: Mutual, command: tuple[str, ...]) -> None:
    ended = run(*command, "--address", mutual.address, *mutual.caller)
    assert ended.code == 0, ended.errors
    assert "popular" in ended.out


@pytest.mark.parametrize("options", ["none", "ca"])
def test_a_command_without_one_says_what_may_be_missing(run: Run, mutual: Mutual, options: str) -> None:
    ca = ("--ca", mutual.ca) if options == "ca" else ()
    ended = run("rank", "--user", "u1", "--address", mutual.address, *ca)
    assert ended.code == 7
    (line,) = [line for line in ended.errors.splitlines() if line.startswith("endcap: ")]
    assert "it may want TLS, or a certificate of the client" in line


def test_a_certificate_without_its_key_is_refused_before_any_call(run: Run, mutual: Mutual) -> None:
    ended = run("rank", "--user", "u1", "--address", "nowhere.invalid:1", *mutual.caller[:4])
    assert (ended.code, ended.out) == (2, "")
    assert "a certificate and no key" in ended.errors
