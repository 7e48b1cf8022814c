"""A tiny shop, and a live server of it that all end-to-end tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest

from endcap.bundle.folder import open_bundle
from endcap.server.serving import Serving
from endcap.strategies.registry import load_strategies
from endcap.v1 import admin_pb2_grpc, ranking_pb2_grpc

from ..support import tiny
from ..support.live import Live


class Shop(NamedTuple):
    """What it takes to start a server."""

    bundles: Path
    arguments: tuple[str, ...]
    environment: dict[str, str]

    def live(self, *arguments: str, gate: Path | None = None) -> Live:
        more = {"TEST_GATE": str(gate)} if gate else {}
        return Live(self.bundles, *self.arguments, *arguments, environment=self.environment | more)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    tiny.write_bundle(folder / "bundles")
    plugin = tiny.write_plugin(folder / "plugin")
    path = os.pathsep.join(filter(None, [str(plugin), os.environ.get("PYTHONPATH")]))
    return Shop(folder / "bundles", ("--strategies", str(tiny.write_strategies(folder))), {"PYTHONPATH": path})


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Serving:
    """The tiny bundle in this process, with what is built in; "popular" is the default."""
    bundle = open_bundle(tiny.write_bundle(tmp_path_factory.mktemp("bundles")))
    return Serving(bundle, load_strategies(bundle, default="popular"))


@pytest.fixture(scope="session")
def product_pages(serving: Serving) -> Serving:
    """The same, with a strategy whose slates are kept where there are known seeds."""
    table = {"recall": ["popular"], "score": "by_source", "cache": {"seconds": 5, "needs": ["seed_item_ids"]}}
    return Serving(serving.bundle, load_strategies(serving.bundle, {"product_page": table}, default="popular"))


@pytest.fixture(scope="session")
def live(shop: Shop) -> Iterator[Live]:
    with shop.live("--workers", "1") as live:
        yield live


@pytest.fixture(scope="session")
def channel(live: Live) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(live.address) as channel:
        yield channel


@pytest.fixture(scope="session")
def ranking(channel: grpc.Channel) -> ranking_pb2_grpc.RankingServiceStub:
    return ranking_pb2_grpc.RankingServiceStub(channel)


@pytest.fixture(scope="session")
def admin(channel: grpc.Channel) -> admin_pb2_grpc.AdminServiceStub:
    return admin_pb2_grpc.AdminServiceStub(channel)
