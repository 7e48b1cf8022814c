"""What a worker counts and times. The numbers of all workers add up on the supervisor's port, see exposition.py.

Label values are bounded: method names of the contract, codes of gRPC, names of strategies and components.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

from endcap.strategies.pipeline import Run, Timing

UNKNOWN: Final = "unknown"
"""The strategy of a request that failed before its strategy was found."""
# 100 microseconds to 5 seconds: a recall source takes less than the first, no caller waits for the last.
SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
ITEMS: Final = (0, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)


class Metrics:
    """One a process. Children are looked up once and kept: a request touches some thirty of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "endcap_requests", "Requests answered, failed ones too.", ["method", "strategy", "code"], registry=registry
        )
        self.duration = Histogram(
            "endcap_request_duration_seconds",
            "From a request's arrival to its answer, time in the queue too.",
            ["method", "strategy"],
            buckets=SECONDS,
            registry=registry,
        )
        self.stages = Histogram(
            "endcap_stage_duration_seconds",
            "Time of each part of a request: queue, decode, each stage's components, encode.",
            ["stage", "component"],
            buckets=SECONDS,
            registry=registry,
        )
        self.recalled = Histogram(
            "endcap_recalled_candidates",
            "Candidates that a recall source proposed for a request.",
            ["source"],
            buckets=ITEMS,
            registry=registry,
        )
        self.dropped = Counter("endcap_filtered_candidates", "Candidates dropped.", ["filter"], registry=registry)
        self.degraded = Counter(
            "endcap_degradations",
            "Requests that had to do without a component.",
            ["stage", "component"],
            registry=registry,
        )
        self.rejected = Counter(
            "endcap_requests_rejected",
            "Requests that never reached compute: OVERLOADED, DEADLINE_PASSED or CANCELLED.",
            ["reason"],
            registry=registry,
        )
        self.in_flight = Gauge(
            "endcap_requests_in_flight",
            "Requests queued or in compute.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._stage = lru_cache(1024)(self.stages.labels)
        self._duration = lru_cache(1024)(self.duration.labels)
        self._requests = lru_cache(1024)(self.requests.labels)
        self._recalled = lru_cache(1024)(self.recalled.labels)

    def finished(self, method: str, strategy: str, code: str, seconds: float) -> None:
        self._requests(method, strategy, code).inc()
        self._duration(method, strategy).observe(seconds)

    def timed(self, timings: Iterable[Timing]) -> None:
        for stage, component, seconds in timings:
            self._stage(stage, component).observe(seconds)

    def ran(self, run: Run) -> None:
        """What one way through the pipeline took, proposed, dropped and had to do without."""
        self.timed(run.timings)
        for source, count in run.recalled.items():
            self._recalled(source).observe(count)
        for name, count in run.dropped.items():
            self.dropped.labels(name).inc(count)
        for stage, component, _ in run.degradations:
            self.degraded.labels(stage, component).inc()


def worker_metrics(worker: int) -> Metrics:
    """Metrics that write into the files of this worker's place in the folder that the supervisor made."""
    values.ValueClass = values.MultiProcessValue(lambda: place_name(worker))  # type: ignore[no-untyped-call]
    return Metrics(CollectorRegistry())


def place_name(worker: int) -> str:
    return f"worker{worker}"
