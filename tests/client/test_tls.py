"""The clients over TLS and mTLS, and what they say when the two ends do not fit."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from cryptography import x509

from endcap.client import AsyncClient, Client, Tls, Unavailable
from endcap.v1 import ranking_pb2_grpc

from ..support.certificates import LOOPBACK, Authority, Pair
from .conftest import Ranking, Running

DEADLINE_S = 5.0


class Secure(NamedTuple):
    """A server over TLS, one over mTLS, and who signed their certificates."""

    authority: Authority
    tls: str
    mutual: str

    def trusting(self, pair: Pair | None = None) -> Tls:
        return Tls(self.authority.path, *(pair or ()))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    authority = Authority.new(tmp_path_factory.mktemp("certificates"))
    with listening(authority, mutual=False) as tls, listening(authority, mutual=True) as mutual:
        yield Secure(authority, tls, mutual)


@contextmanager
def listening(authority: Authority, mutual: bool, names: tuple[x509.GeneralName, ...] = LOOPBACK) -> Iterator[str]:
    certificate, key = authority.pair("server", names)
    ca = authority.path.read_bytes() if mutual else None
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())], ca, mutual)
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        ranking_pb2_grpc.add_RankingServiceServicer_to_server(Ranking(), server)
        port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait()


def test_tls_and_mtls_carry_a_call(secure: Secure) -> None:
    with Client(secure.tls, tls=secure.trusting()) as client:
        assert client.rank(user_id="1", request_id="r").request_id == "r"
    with Client(secure.mutual, tls=secure.trusting(secure.authority.pair("caller"))) as client:
        assert client.rank(user_id="1", request_id="r").request_id == "r"


async def test_tls_and_mtls_carry_a_call_of_asyncio(secure: Secure) -> None:
    async with AsyncClient(secure.tls, tls=secure.trusting()) as client:
        assert (await client.rank(user_id="1", request_id="r")).request_id == "r"
    async with AsyncClient(secure.mutual, tls=secure.trusting(secure.authority.pair("caller"))) as client:
        assert (await client.rank(user_id="1", request_id="r")).request_id == "r"


def test_a_server_name_stands_in_for_the_hosts(tmp_path: Path) -> None:
    authority = Authority.new(tmp_path)
    with listening(authority, mutual=False, names=(x509.DNSName("ranking.shop"),)) as target:
        with Client(target, tls=Tls(authority.path, server_name="ranking.shop")) as client:
            client.rank(user_id="1")
        assert "another name" in hint_of(target, Tls(authority.path))


def hint_of(target: str, tls: Tls | None) -> str:
    """What Unavailable says, which must come well before the deadline."""
    began = time.monotonic()
    with Client(target, tls=tls, timeout_s=DEADLINE_S) as client, pytest.raises(Unavailable) as caught:
        client.rank(user_id="1")
    assert time.monotonic() - began < DEADLINE_S
    assert caught.value.message
    assert caught.value.hint in str(caught.value)
    return caught.value.hint


def test_a_client_without_tls_is_told_that_the_server_may_want_it(secure: Secure) -> None:
    assert "may want TLS" in hint_of(secure.tls, None)


def test_a_client_without_a_certificate_is_told_that_the_server_may_want_one(secure: Secure) -> None:
    assert "certificate of the client" in hint_of(secure.mutual, secure.trusting())


def test_a_client_with_a_strangers_certificate_is_told_the_same(secure: Secure, tmp_path: Path) -> None:
    stranger = Authority.new(tmp_path).pair("stranger")
    assert "certificate of the client" in hint_of(secure.mutual, secure.trusting(stranger))


def test_a_client_with_tls_is_told_that_the_server_speaks_none(server: Running, secure: Secure) -> None:
    assert "speaks no TLS" in hint_of(server.target, secure.trusting())


@pytest.mark.parametrize("name", ["Another CA", "Test CA"])
def test_a_client_that_trusts_another_ca_is_told_so_even_if_it_has_the_name(
    secure: Secure, tmp_path: Path, name: str
) -> None:
    assert "not signed by the CA" in hint_of(secure.tls, Tls(Authority.new(tmp_path, name).path))


def test_nothing_that_listens_is_said_as_grpc_says_it() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{closed.getsockname()[1]}"
        assert hint_of(target, None) == ""
        with Client(target) as client, pytest.raises(Unavailable, match="Connection refused"):
            client.rank(user_id="1")


async def test_asyncio_hears_the_same(secure: Secure) -> None:
    async with AsyncClient(secure.tls, timeout_s=DEADLINE_S) as client:
        with pytest.raises(Unavailable, match="may want TLS"):
            await client.rank(user_id="1")


def test_a_server_that_hangs_up_in_the_middle_of_a_call_is_not_said_to_want_tls(server: Running) -> None:
    def rank(request: object, context: grpc.ServicerContext) -> None:
        context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")

    server.ranking.rank = rank  # type: ignore[assignment]  # it never answers
    assert hint_of(server.target, None) == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ca": "none.pem"}, "none.pem is no CA in PEM: No such file"),
        ({"ca": "junk"}, "junk is no CA in PEM"),
        ({"certificate": "issued/a.pem"}, "a certificate and no key"),
        ({"key": "issued/a.key"}, "a key and no certificate"),
        ({"certificate": "issued/a.pem", "key": "issued/b.key"}, "are no pair in PEM: key values mismatch"),
        ({"certificate": "junk", "key": "issued/a.key"}, "are no pair in PEM"),
    ],
)
def test_files_that_are_no_good_are_told_before_any_call(tmp_path: Path, given: dict[str, str], said: str) -> None:
    authority = Authority.new(tmp_path / "issued")
    authority.pair("a")
    authority.pair("b")
    (tmp_path / "junk").write_text("junk")
    with pytest.raises(ValueError, match=said):
        Client(tls=Tls(**{name: tmp_path / path for name, path in given.items()}))  # type: ignore[arg-type]
