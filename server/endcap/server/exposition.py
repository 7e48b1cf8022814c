"""The metrics of all workers and of the supervisor on one HTTP port, in Prometheus' text format.

Each worker writes its counters into memory-mapped files of its own place (worker 0, 1, …), not of its process: one
that replaces another goes on counting where that one stopped, so no counter ever goes backwards.
"""

from __future__ import annotations

import math
import os
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from endcap.bundle.manifest import Manifest
from endcap.server.metrics import SHOWN_FILE, place_name
from endcap.server.options import ServeOptions
from endcap.server.ports import PortTaken, joined
from endcap.server.shown import ShownItems
from endcap.server.tls import TlsError, TlsFiles, load
from endcap.strategies.contract import SECONDS_PER_DAY

TRIES, PAUSE_SECONDS = 20, 0.02
WINDOWS: Final = {"1h": 3_600, "1d": 86_400}
"""Over which distinct items are counted, in seconds."""


class Exposition:
    """What the supervisor exposes."""

    def __init__(
        self, folder: Path, manifest: Manifest, options: ServeOptions, pids: Callable[[], Mapping[int, int]]
    ) -> None:
        """``folder`` holds the workers' files; ``pids`` tells which process is which worker at the moment."""
        self.folder = folder
        self.registry = CollectorRegistry()
        self.registry.register(_Files(folder))
        ProcessCollector(registry=self.registry)
        self.registry.register(_Workers(pids))
        self.restarts = Counter(
            "endcap_worker_restarts", "Workers that died and were replaced.", ["worker"], registry=self.registry
        )
        for worker in range(options.workers):
            self.restarts.labels(str(worker))  # from 0 on, or a rate would not know of the first
        self.serving = Gauge("endcap_workers_serving", "Workers that serve now.", registry=self.registry)
        self._describe_server(options)
        self._describe_bundle(manifest)
        self._describe_data(manifest)
        self._count_shown(manifest.counts.get("items", 0))

    def _gauge(self, name: str, about: str, value: float) -> None:
        Gauge(name, about, registry=self.registry).set(value)

    def _describe_server(self, options: ServeOptions) -> None:
        info = Gauge("endcap_build_info", "Always 1; the label says it.", ["version"], registry=self.registry)
        info.labels(version("endcap")).set(1)
        self._gauge("endcap_workers_configured", "Workers that there should be.", options.workers)
        limit = options.workers * options.in_flight_limit
        self._gauge("endcap_requests_in_flight_limit", "Requests that all workers together take on.", limit)

    def _describe_bundle(self, manifest: Manifest) -> None:
        created = datetime.fromisoformat(manifest.created).timestamp()
        self._gauge("endcap_bundle_created_timestamp_seconds", "When the bundle was trained.", created)
        age = Gauge("endcap_bundle_age_seconds", "How long ago that is.", registry=self.registry)
        age.set_function(lambda: time.time() - created)
        info = Gauge("endcap_bundle_info", "Always 1; the labels say it.", ["version", "shop"], registry=self.registry)
        info.labels(manifest.version, manifest.shop).set(1)

    def _describe_data(self, manifest: Manifest) -> None:
        about = "What the bundle holds: items, shoppers, events, texts."
        entries = Gauge("endcap_bundle_entries", about, ["kind"], registry=self.registry)
        for kind, count in manifest.counts.items():
            entries.labels(kind).set(count)
        horizon = manifest.horizon_days * SECONDS_PER_DAY
        self._gauge("endcap_bundle_horizon_seconds", "How far ahead the ranker was taught to look.", horizon)
        if manifest.clock.kind == "timestamp":
            self._gauge("endcap_bundle_data_end_timestamp_seconds", "When the bundle's data end.", manifest.data_end)

    def _count_shown(self, items: int) -> None:
        shown = ShownItems(self.folder / SHOWN_FILE, items)
        about = "Distinct items on the pages answered in the last hour or day, or since the start where that is later."
        distinct = Gauge("endcap_distinct_items_shown", about, ["window"], registry=self.registry)
        for window, seconds in WINDOWS.items():
            distinct.labels(window).set_function(partial(shown.within, seconds))

    def watch_certificate(self, files: TlsFiles) -> None:
        name = "endcap_certificate_expiry_timestamp_seconds"
        ends = Gauge(name, "When the TLS certificate ends; NaN where its files are no good.", registry=self.registry)
        ends.set_function(lambda: _certificate_end(files))

    def start(self, host: str, port: int) -> int:
        """Serve /metrics on a thread. Returns the port. Raises PortTaken."""
        try:
            server, _ = start_http_server(port, host, self.registry)
        except OSError as error:
            text = f"cannot serve metrics on {joined(host, port)}: {error.strerror}; choose another with --metrics-port"
            raise PortTaken(text) from error
        return int(server.server_port)

    def buried(self, worker: int) -> None:
        """A dead worker's counters stay, what it had in flight goes."""
        mark_process_dead(place_name(worker), str(self.folder))  # type: ignore[no-untyped-call]


def _certificate_end(files: TlsFiles) -> float:
    try:
        return load(files).expires
    except TlsError:
        return math.nan


class _Files(Collector):
    """The workers' files, read again where one was half made: a worker starts or ends just then."""

    def __init__(self, folder: Path) -> None:
        self.files = MultiProcessCollector(None, path=str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> list[Metric]:
        for _ in range(TRIES - 1):
            try:
                return list(self.files.collect())  # type: ignore[no-untyped-call]
            except (OSError, ValueError, struct.error):
                time.sleep(PAUSE_SECONDS)
        return list(self.files.collect())  # type: ignore[no-untyped-call]


class _Workers(Collector):
    """Memory and processor time of the workers, which Prometheus' own process metrics know of one process only."""

    def __init__(self, pids: Callable[[], Mapping[int, int]]) -> None:
        self.pids = pids
        self.spent: dict[tuple[int, int], float] = {}
        """Processor seconds by worker and process, as last seen: what replaced processes spent still counts."""

    def collect(self) -> Iterator[Metric]:
        memory = GaugeMetricFamily(
            "endcap_worker_resident_memory_bytes", "Memory of a worker, shared pages too.", labels=["worker"]
        )
        processor = CounterMetricFamily(
            "endcap_worker_cpu_seconds", "Processor time of a worker, its predecessors' too.", labels=["worker"]
        )
        for worker, pid in sorted(self.pids().items()):
            if (found := _usage(pid)) is not None:
                memory.add_metric([str(worker)], found.resident_bytes)
                self.spent[worker, pid] = found.cpu_seconds
        for worker in sorted({worker for worker, _ in self.spent}):
            processor.add_metric([str(worker)], sum(s for (w, _), s in self.spent.items() if w == worker))
        yield memory
        yield processor


class _Usage(NamedTuple):
    resident_bytes: int
    cpu_seconds: float


def _usage(pid: int) -> _Usage | None:
    """None where the process is gone, or the system has no /proc."""
    try:
        # The fields from the third on, see proc(5): the second, the command's name, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return _Usage(int(fields[21]) * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK"))
