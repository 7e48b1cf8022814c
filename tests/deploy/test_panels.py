"""Every panel of every dashboard shows something: a real Prometheus reads a live server to which everything happens."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Any, NamedTuple

import grpc
import pytest

from endcap.v1.admin_pb2 import ListStrategiesRequest
from endcap.v1.admin_pb2_grpc import AdminServiceStub
from endcap.v1.common_pb2 import Event
from endcap.v1.ranking_pb2 import BatchRankRequest, Boost, RankRequest, RankResponse
from endcap.v1.ranking_pb2_grpc import RankingServiceStub

from ..support import tiny
from ..support.certificates import Authority
from ..support.live import PATIENCE_SECONDS, Live, wait_for
from ..support.prometheus import Prometheus
from .conftest import tool

pytestmark = pytest.mark.slow

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yaml"
# What Grafana would fill in, in the time of a test.
VARIABLES = {
    "$__rate_interval": "20s",
    "$job": "endcap",
    "$instance": ".*",
    "$strategy": ".*",
    "$window": "20s",
    "$reference": "5s",
}
ZERO_IS_DATA = {"Alerts that ring"}  # all wait for minutes before they do
LONG_SECONDS = 120.0
"""A few scrapes, and what the callers do between them, on a machine that has much else to do."""
LIMIT = 3
"""Requests that each of the two workers takes on."""


class Target(NamedTuple):
    """One query of one panel."""

    dashboard: str
    panel: str
    expr: str

    @property
    def query(self) -> str:
        filled = self.expr
        for name, value in VARIABLES.items():
            filled = filled.replace(name, value)
        return filled

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel}"


def dashboards() -> Iterator[dict[str, Any]]:
    for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def targets() -> Iterator[Target]:
    for dashboard in dashboards():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield Target(dashboard["title"], panel["title"], target["expr"])


class World:
    """A server of two workers over TLS, the Prometheus that reads it, and callers who see to it that all happens."""

    def __init__(self, live: Live, prometheus: Prometheus, gate: Path, credentials: grpc.ChannelCredentials) -> None:
        self.live, self.prometheus = live, prometheus
        self._gate = gate / "closed"
        self._credentials = credentials
        self._over = Signal()
        self._failure: BaseException | None = None
        self._callers = Thread(target=self._call)

    def __enter__(self) -> World:
        self._callers.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._callers.join(3 * PATIENCE_SECONDS)
        assert not self._callers.is_alive()

    def values(self, query: str) -> list[float]:
        """The finite values of a query; fails when the callers have."""
        if self._failure is not None:
            raise self._failure
        return self.prometheus.values(query)

    def _call(self) -> None:
        try:
            with self._channel() as channel:
                code_of(RankingServiceStub(channel).Rank.future(RankRequest(strategy="broken", query="boom")))
            for turn in count():
                with self._channel() as channel:
                    plain_requests(channel, turn)
                self._too_many()
                if self._over.is_set():
                    return
        except BaseException as failure:
            self._failure = failure

    def _channel(self) -> grpc.Channel:
        """A new connection, so that the kernel chooses a worker anew; what broke with a worker is tried again."""
        return grpc.secure_channel(
            self.live.address, self._credentials, options=[("grpc.use_local_subchannel_pool", 1)]
        )

    def _too_many(self) -> None:
        """More requests at a time than both workers take: some are computed, some too late, some refused."""
        self._gate.touch()
        with ExitStack() as stack:
            stubs = [RankingServiceStub(stack.enter_context(self._channel())) for _ in range(8)]
            request = RankRequest(strategy="gated", user_id="u1")
            held = [stub.Rank.future(request, timeout=1.5) for stub in stubs for _ in range(LIMIT)]
            codes = {code_of(future) for future in held}
            self._gate.unlink()
        assert codes <= {"DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}, codes


def plain_requests(channel: grpc.Channel, turn: int) -> None:
    """What goes well, with degradations and without, and what the caller gets wrong. Scores grow from turn
    to turn: their distribution drifts."""
    ranking = RankingServiceStub(channel)
    visit = [Event(item_id="i3", event_type="view")]
    good = [
        RankRequest(user_id="u1"),
        RankRequest(user_id="u2", strategy="shuffled", page_size=50),
        RankRequest(user_id="nobody", strategy="failing"),
        RankRequest(recent_events=visit, filter="price < 30", boosts=[Boost(filter="price >= 0", weight=turn % 10)]),
        RankRequest(user_id="u1", filter="price > 1000"),
        RankRequest(user_id="u1", strategy="popular"),
        RankRequest(candidate_item_ids=["i1", "i2"]),
    ]
    bad = [RankRequest(), RankRequest(user_id="u1", strategy="none")]
    for request in (*good, *bad):
        code_of(ranking.Rank.future(request, timeout=PATIENCE_SECONDS))
    with suppress(grpc.RpcError):  # of a worker that was killed
        list(ranking.BatchRank(BatchRankRequest(request=request) for request in good))
        AdminServiceStub(channel).ListStrategies(ListStrategiesRequest())


def code_of(future: grpc.Future[RankResponse]) -> str:
    future.exception()  # waits
    assert isinstance(future, grpc.Call)
    return str(future.code().name)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    tool("prometheus")
    folder = tmp_path_factory.mktemp("world")
    tiny.write_bundle(folder / "bundles")
    path = os.pathsep.join(filter(None, [str(tiny.write_plugin(folder / "plugin")), os.environ.get("PYTHONPATH")]))
    authority = Authority.new(folder / "authority")
    pair = authority.pair("server")
    (folder / "serve.toml").write_text(f'[tls]\ncertificate = "{pair.certificate}"\nkey = "{pair.key}"\n')
    (folder / "gate").mkdir()
    arguments = ("--workers", "2", "--max-in-flight", str(LIMIT), "--config", str(folder / "serve.toml"))
    environment = {"PYTHONPATH": path, "TEST_GATE": str(folder / "gate")}
    strategies = ("--strategies", str(tiny.write_strategies(folder)))
    with Live(folder / "bundles", *arguments, *strategies, environment=environment) as live:
        metrics = live.metrics_url.removeprefix("http://").removesuffix("/metrics")
        credentials = grpc.ssl_channel_credentials(authority.path.read_bytes())
        with (
            Prometheus(folder / "prometheus", metrics, RULES) as prometheus,
            World(live, prometheus, folder / "gate", credentials) as world,
        ):
            wait_for(lambda: prometheus.values("endcap_workers_serving") == [2.0], "the first scrape")
            os.kill(live.workers()[0], signal.SIGKILL)
            yield world


@pytest.mark.parametrize("target", list(targets()), ids=str)
def test_a_panel_has_data(world: World, target: Target) -> None:
    assert "$" not in target.query
    telling = any if target.panel not in ZERO_IS_DATA else bool
    wait_for(lambda: telling(world.values(target.query)), f"values other than 0 of {target.query}", LONG_SECONDS)


def test_the_variables_have_values(world: World) -> None:
    asked = [v["query"]["query"] for page in dashboards() for v in page["templating"]["list"] if v["type"] == "query"]
    assert len(asked) >= 8
    for query in asked:
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", query.replace("$job", "endcap"))
        assert found is not None, query
        series, label = found.groups()
        assert world.prometheus.get(f"label/{label}/values", **{"match[]": series}), query


def test_every_rule_is_worked_out_without_an_error(world: World) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in world.prometheus.get("rules")["groups"] for rule in group["rules"]]

    wait_for(lambda: all(rule["health"] != "unknown" for rule in rules()), "every rule's first run")
    assert [rule for rule in rules() if rule["health"] != "ok" or rule.get("lastError")] == []


def test_an_alert_says_what_is_wrong_in_words(world: World) -> None:
    """The tiny bundle is old and its data older, and no request of the overload is answered well."""

    found: dict[str, str] = {}

    def known() -> set[str]:
        for alert in world.prometheus.get("alerts")["alerts"]:
            found[alert["labels"]["alertname"]] = alert["annotations"]["description"]
        return set(found)

    expected = {"EndcapBundleOld", "EndcapBundlePastItsHorizon", "EndcapErrorBudgetBurnsFast", "EndcapOverloaded"}
    wait_for(lambda: expected <= known(), f"{expected} to be pending", LONG_SECONDS)
    assert not [text for text in found.values() if "error" in text or "no value" in text]


def test_the_page_follows_the_conventions_of_prometheus(world: World) -> None:
    tool("promtool")
    with urllib.request.urlopen(world.live.metrics_url, timeout=PATIENCE_SECONDS) as answer:
        page = answer.read()
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_rules_read_only_metrics_that_there_are(world: World) -> None:
    page = {name.partition("{")[0] for name in world.live.metrics()}
    read = set(re.findall(r"(?<![:\w])endcap_\w+(?=[{\[ ])", RULES.read_text(encoding="utf-8")))
    assert len(read) > 15
    assert read <= page
