"""AdminService: what the server has loaded and how it is. Answered on the event loop, under any load."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from inspect import getdoc

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from endcap.bundle.manifest import Manifest
from endcap.server.calls import Call, Desk
from endcap.server.codec.request import parse
from endcap.server.serving import Serving
from endcap.strategies.registry import Strategies
from endcap.strategies.strategy import Source, Strategy
from endcap.v1 import admin_pb2 as pb


@dataclass(frozen=True)
class Place:
    """Which of how many workers this is."""

    worker: int = 0
    workers: int = 1


class Admin:
    def __init__(self, serving: Serving, desk: Desk, place: Place) -> None:
        self.serving = serving
        self.desk = desk
        self.place = place
        self.started = time.time()
        self.version = version("endcap")

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[bytes, bytes]]:
        return {
            "ListStrategies": self.desk.unary("ListStrategies", self.list_strategies, compute=False),
            "GetServingState": self.desk.unary("GetServingState", self.serving_state, compute=False),
        }

    def list_strategies(self, raw: bytes, call: Call) -> bytes:
        parse(raw, pb.ListStrategiesRequest)
        return list_of(self.serving.strategies).SerializeToString()

    def serving_state(self, raw: bytes, call: Call) -> bytes:
        parse(raw, pb.GetServingStateRequest)
        known, admission = self.serving.strategies, self.desk.admission
        return pb.GetServingStateResponse(
            server_version=self.version,
            bundle=bundle_info(self.serving.bundle.manifest),
            start_time=_timestamp(self.started),
            uptime=Duration(seconds=int(time.time() - self.started)),
            worker_count=self.place.workers,
            worker_index=self.place.worker,
            in_flight_count=admission.in_flight,
            in_flight_limit=admission.limit,
            strategies=sorted(known.by_name),
            default_strategy=known.default,
            sources=sorted(known.sources),
            scorers=sorted(known.scorers),
        ).SerializeToString()


def list_of(known: Strategies) -> pb.ListStrategiesResponse:
    return pb.ListStrategiesResponse(
        strategies=[_strategy(known.by_name[name], name == known.default) for name in sorted(known.by_name)],
        available_sources=sorted(known.sources),
        available_scorers=sorted(known.scorers),
    )


def bundle_info(manifest: Manifest) -> pb.BundleInfo:
    """Data times stay unset where the shop counts in plain integers: they are no times of day."""
    dated = manifest.clock.kind == "timestamp"
    return pb.BundleInfo(
        version=manifest.version,
        format_version=manifest.format,
        train_time=_timestamp(datetime.fromisoformat(manifest.created).timestamp()),
        data_start_time=_timestamp(manifest.data_start) if dated else None,
        data_end_time=_timestamp(manifest.data_end) if dated else None,
        counts=manifest.counts,
        metrics=_metrics(manifest.metrics.get("strategies", {})),
    )


def _metrics(by_strategy: Mapping[str, Mapping[str, float]]) -> Iterator[pb.OfflineMetric]:
    for strategy, metrics in by_strategy.items():
        for metric, value in metrics.items():
            yield pb.OfflineMetric(strategy=strategy, metric=metric, value=value)


def _strategy(strategy: Strategy, is_default: bool) -> pb.Strategy:
    # None: the selector knows no diversity, and a request's own has no effect.
    diversity = getattr(getattr(strategy.selector.component, "config", None), "diversity", None)
    return pb.Strategy(
        name=strategy.name,
        description=strategy.description,
        is_default=is_default,
        recall=[_source(source) for source in strategy.recall],
        hydrators=[hydrator.name for hydrator in strategy.hydrate],
        filters=[item_filter.name for item_filter in strategy.filter],
        scorer=strategy.scorer.name,
        selector=strategy.selector.name,
        diversity=diversity or 0.0,
        overridable_fields=["recall", "scorer"] + ["diversity"] * (diversity is not None),
    )


def _source(source: Source) -> pb.RecallSource:
    about = getdoc(type(source.component)) or ""
    return pb.RecallSource(source=source.name, limit=source.limit, description=about.partition("\n")[0])


def _timestamp(unix_seconds: float) -> Timestamp:
    return Timestamp(seconds=int(unix_seconds))
