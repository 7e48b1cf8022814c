"""TLS and mTLS: who is let in, files renewed while it serves, and files that are no good."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from endcap.client import Client, Tls, Unavailable
from endcap.server.tls import TlsError, load, read_tls

from ..support.certificates import DAY, Authority, Pair
from ..support.live import Live, send
from .conftest import Shop
from .test_lifecycle import refused

FRESH = [("grpc.use_local_subchannel_pool", 1)]
"""A channel with connections of its own, so that each test shakes hands anew."""


class Served:
    """The files of a server, as its serve.toml names them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority.new(folder / "issued")
        self.config = folder / "serve.toml"
        self.install(self.authority.pair("server"))

    def install(self, pair: Pair) -> None:
        """As Kubernetes renews a secret: whole files, put in place of the old ones."""
        for source, name in zip(pair, ("tls.crt", "tls.key"), strict=True):
            shutil.copy(source, self.folder / "new")
            os.replace(self.folder / "new", self.folder / name)

    def configure(self, more: str = "") -> Path:
        self.config.write_text(f'[tls]\ncertificate = "tls.crt"\nkey = "tls.key"\n{more}')
        return self.config

    def trusting(self, pair: Pair | None = None) -> Tls:
        return Tls(self.authority.path, *(pair or ()))


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


@pytest.fixture(scope="module")
def mutual(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Live]]:
    served = Served(tmp_path_factory.mktemp("mtls"))
    config = served.configure('client_ca = "issued/ca.pem"')
    assert served.authority.path.exists()
    with shop.live("--config", str(config), "--workers", "2", "--health-port", "0") as live:
        yield served, live


def served_to(live: Live, tls: Tls | None) -> bool:
    """Whether the server ranks for such a client; one that it turns away sees Unavailable."""
    with Client(live.address, tls=tls, options=FRESH) as client:
        try:
            return len(client.rank(user_id="u1").items) == 20
        except Unavailable:
            return False


def test_only_a_client_whose_certificate_the_ca_signed_is_let_in(mutual: tuple[Served, Live], tmp_path: Path) -> None:
    served, live = mutual
    stranger = Authority.new(tmp_path).pair("stranger")
    assert served_to(live, served.trusting(served.authority.pair("caller")))
    assert not served_to(live, served.trusting(stranger))
    assert not served_to(live, served.trusting())
    assert not served_to(live, None)


def test_a_client_whose_certificate_has_ended_is_turned_away(mutual: tuple[Served, Live]) -> None:
    served, live = mutual
    assert not served_to(live, served.trusting(served.authority.pair("late", lasts=-DAY)))


def test_health_has_a_port_of_its_own_without_tls_and_nothing_else_on_it(mutual: tuple[Served, Live]) -> None:
    _, live = mutual
    with grpc.insecure_channel(live.health_address) as channel:
        health: Any = HealthStub(channel)
        for service in ("", "endcap.v1.RankingService"):
            assert health.Check(HealthCheckRequest(service=service)).status == HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError, match="UNIMPLEMENTED"):
            send(channel, "RankingService/Rank", b"")


def test_metrics_tell_when_the_certificate_ends(mutual: tuple[Served, Live]) -> None:
    _, live = mutual
    ends = live.metrics()["endcap_certificate_expiry_timestamp_seconds"]
    assert ends == pytest.approx(time.time() + DAY.total_seconds(), abs=600)


def test_tls_without_a_client_ca_lets_in_whoever_trusts_the_server(shop: Shop, served: Served, tmp_path: Path) -> None:
    with shop.live("--config", str(served.configure())) as live:
        assert served_to(live, served.trusting())
        assert not served_to(live, Tls(Authority.new(tmp_path / "other").path))
        assert not served_to(live, None)


def test_a_renewed_certificate_is_taken_without_a_restart_and_open_connections_stay(
    shop: Shop, served: Served, tmp_path: Path
) -> None:
    successor = Authority.new(tmp_path / "next", "Next CA")
    with shop.live("--config", str(served.configure())) as live:
        with Client(live.address, tls=served.trusting(), options=FRESH) as before:
            before.rank(user_id="u1")
            served.install(successor.pair("server"))
            assert served_to(live, Tls(successor.path))
            assert not served_to(live, served.trusting())
            assert len(before.rank(user_id="u1").items) == 20
        assert "renewed certificate taken" in live.stop()[1]


def test_files_that_do_not_fit_together_leave_the_certificate_before_in_use(shop: Shop, served: Served) -> None:
    with shop.live("--config", str(served.configure())) as live:
        half = served.authority.pair("half")
        served.install(Pair(half.certificate, served.folder / "tls.key"))
        assert served_to(live, served.trusting())
        assert served_to(live, served.trusting()), "said once, and not at every connection"
        served.install(half)
        assert served_to(live, served.trusting())
        errors = live.stop()[1]
    assert errors.count("renewed certificate not taken") == 1
    assert errors.count("renewed certificate taken") == 1


def locked(key: Path) -> bytes:
    """The key under a password."""
    opened = load_pem_private_key(key.read_bytes(), None)
    return opened.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def spoil(served: Served, how: str) -> str:
    """Make one of the files bad; returns further lines for the table."""
    certificate, key = served.folder / "tls.crt", served.folder / "tls.key"
    other = served.authority.pair("other", lasts=timedelta(seconds=-1) if how == "expired" else DAY)
    match how:
        case "no certificate":
            certificate.unlink()
        case "a key of another":
            shutil.copy(other.key, key)
        case "expired":
            served.install(other)
        case "certificate not PEM":
            certificate.write_bytes(b"\x30\x82")
        case "key not PEM":
            key.write_text("secret")
        case "key locked":
            key.write_bytes(locked(key))
        case "client CA not PEM":
            (served.folder / "ca.pem").write_text("me")
        case "client CA expired":
            shutil.copy(Authority.new(served.folder / "old", lasts=-DAY).path, served.folder / "ca.pem")
        case "client CA no authority":
            shutil.copy(other.certificate, served.folder / "ca.pem")
    return 'client_ca = "ca.pem"' if how.startswith("client") else ""


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("no certificate", "cannot read"),
        ("a key of another", "is not that of the certificate"),
        ("expired", "certificate has expired"),
        ("certificate not PEM", "certificate: "),
        ("key not PEM", "key: "),
        ("key locked", "locked by a password"),
        ("client CA not there", "client_ca: cannot read"),
        ("client CA not PEM", "client_ca: "),
        ("client CA no authority", "holds no certificate of an authority"),
        ("client CA expired", "no client could come in"),
    ],
)
def test_files_that_are_no_good_say_which_and_why(served: Served, how: str, said: str) -> None:
    files = read_tls(served.configure(spoil(served, how)))
    with pytest.raises(TlsError) as refusal:
        load(files)
    assert str(refusal.value).startswith("[tls] ")
    assert said in str(refusal.value)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tls]\ncertificate = "tls.crt"', "lacks key"),
        ('[tls]\nkey = "tls.key"', "lacks certificate"),
        (
            '[tls]\ncertificate = "tls.crt"\nkey = "tls.key"\nca = "x"',
            "no key 'ca'; expected certificate, key, client_ca",
        ),
        ('[tls]\ncertificate = 5\nkey = "tls.key"', "certificate is 5"),
        ("[tsl]", "found tsl; expected one table, [tls]"),
        ("", "found nothing"),
        ("[tls", "serve.toml"),
    ],
)
def test_a_config_that_is_no_good_says_where_and_why(served: Served, text: str, said: str) -> None:
    served.config.write_text(text)
    with pytest.raises(TlsError) as refusal:
        read_tls(served.config)
    assert str(served.config) in str(refusal.value)
    assert said in str(refusal.value)


def test_the_server_refuses_such_files_in_one_line_before_anything_listens(shop: Shop, served: Served) -> None:
    for spoiled, said in (("expired", "certificate has expired"), ("no certificate", "cannot read")):
        config = served.configure(spoil(served, spoiled))
        assert said in refused(shop, "--port", "0", "--config", str(config))
    assert "No such file" in refused(shop, "--port", "0", "--config", str(served.folder / "none.toml"))


def test_a_health_port_in_use_is_refused(shop: Shop, live: Live) -> None:
    port = live.address.rpartition(":")[2]
    assert f"cannot listen on 127.0.0.1:{port}" in refused(shop, "--port", "0", "--health-port", port)
