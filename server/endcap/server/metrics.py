"""What a worker counts and times. The numbers of all workers add up on the supervisor's port, see exposition.py.

Label values are bounded: method names of the contract, codes of gRPC, names of strategies and components.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

from endcap.bundle.events import Array
from endcap.server.environment import METRICS_FOLDER
from endcap.server.serving import Serving
from endcap.server.shown import Shopper, Shown, ShownItems, alike, met_items
from endcap.server.tally import Tally
from endcap.strategies.contract import Rescorer
from endcap.strategies.pipeline import Run, Timing
from endcap.strategies.strategy import Strategy

UNKNOWN: Final = "unknown"
"""The strategy of a request that failed before its strategy was found."""
# 100 microseconds to 5 seconds: a recall source takes less than the first, no caller waits for the last.
SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
ITEMS: Final = (0, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
TOGETHER: Final = (2, 3, 4, 5, 10)
# Each scorer has its own unit: chances and shares below 1, LambdaRank's and the network's scores from -10 to 10, sums.
_BELOW_ONE: Final = (-10.0, -5.0, -3.0, -2.0, -1.5, -1.0, -0.5, -0.2, 0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75)
SCORES: Final = (*_BELOW_ONE, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0, 50.0)
SHOWN_FILE: Final = "shown_items.seconds"
"""In the metrics' folder, see ShownItems."""
_METHODS: Final = ("Rank", "BatchRank")
_CODES: Final = ("OK", "INTERNAL", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED")
_REASONS: Final = ("OVERLOADED", "DEADLINE_PASSED", "CANCELLED")


class Metrics:
    """One a process. What is counted is on the page after the next ``write``."""

    def __init__(self, registry: CollectorRegistry, shown_items: ShownItems, met: Array) -> None:
        """``met``, bool[items]: which items the bundle's events know."""
        self.shown_items = shown_items
        self.met = met
        self._requests_and_stages(registry)
        self._slates(registry)
        self._in_flight = 0
        self._tally = tally = Tally()
        self._requests = tally.sums(self.requests)
        self._duration = tally.spreads(self.duration)
        self._stage = tally.spreads(self.stages)
        self._recalled = tally.spreads(self.recalled)
        self._dropped = tally.sums(self.dropped)
        self.encoded_together = tally.spread(self.encoded)
        self._cached = tally.sums(self.cached)
        self._slate = tally.sums(self.slates)
        self._empty = tally.sums(self.empty)
        self._shown = tally.sums(self.shown)
        self._new = tally.sums(self.new)
        self._by_source = tally.sums(self.by_source)
        self._top_score = tally.spreads(self.top_score)

    def _requests_and_stages(self, registry: CollectorRegistry) -> None:
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
        self.cached = Counter(
            "endcap_slate_cache_requests",
            "Requests of strategies that keep slates: hit where one was there or made for another just then, or miss.",
            ["strategy", "result"],
            registry=registry,
        )
        self.encoded = Histogram(
            "endcap_queries_encoded_together",
            "Queries that the text model encoded at once, where several requests waited.",
            buckets=TOGETHER,
            registry=registry,
        )
        self.in_flight = Gauge(
            "endcap_requests_in_flight",
            "Requests queued or in compute.",
            registry=registry,
            multiprocess_mode="livesum",
        )

    def _slates(self, registry: CollectorRegistry) -> None:
        self.slates = Counter(
            "endcap_slates",
            "Pages of slates answered; shopper is known (has a history in the bundle), visit or unknown.",
            ["strategy", "shopper"],
            registry=registry,
        )
        self.empty = Counter("endcap_empty_slates", "Pages without an item.", ["strategy"], registry=registry)
        self.shown = Counter("endcap_shown_items", "Items on the pages answered.", ["strategy"], registry=registry)
        self.new = Counter(
            "endcap_shown_new_items",
            "Of these, items that no event of the bundle had met.",
            ["strategy"],
            registry=registry,
        )
        self.by_source = Counter(
            "endcap_shown_source_items",
            "Of these, items that a recall source had proposed; one of several sources counts for each.",
            ["strategy", "source"],
            registry=registry,
        )
        self.top_score = Histogram(
            "endcap_top_score",
            "Score of a slate's first item, in the scorer's own unit.",
            ["strategy"],
            buckets=SCORES,
            registry=registry,
        )

    def foresee(self, strategies: Iterable[Strategy]) -> None:
        """Start at 0 what would else begin with its first event, of which no rate would know."""
        known = list(strategies)
        for labels in product(_METHODS, [UNKNOWN, *(strategy.name for strategy in known)], _CODES):
            self._requests(*labels)
        for reason in _REASONS:
            self.rejected.labels(reason)
        for strategy in known:
            for stage, component in _fallible(strategy):
                self.degraded.labels(stage, component)
            for shopper in Shopper:
                self._slate(strategy.name, shopper)
            for child in (self._empty, self._shown, self._new, self._top_score):
                child(strategy.name)
            for source in strategy.recall:
                self._by_source(strategy.name, source.name)
            if strategy.cache.seconds:
                for result in ("hit", "miss"):
                    self._cached(strategy.name, result)

    def write(self) -> None:
        self._tally.write()
        self.in_flight.set(self._in_flight)

    def took(self, in_flight: int) -> None:
        """So many requests are queued or in compute now."""
        self._in_flight = in_flight

    def finished(self, method: str, strategy: str, code: str, seconds: float) -> None:
        self._requests(method, strategy, code).inc()
        self._duration(method, strategy).observe(seconds)

    def looked_up(self, strategy: str, result: str) -> None:
        """In the cache of slates: "hit" or "miss"."""
        self._cached(strategy, result).inc()

    def timed(self, timings: Iterable[Timing]) -> None:
        for stage, component, seconds in timings:
            self._stage(stage, component).observe(seconds)

    def ran(self, run: Run) -> None:
        """What one way through the pipeline took, proposed, dropped and had to do without."""
        self.timed(run.timings)
        for source, count in run.recalled.items():
            self._recalled(source).observe(count)
        for name, count in run.dropped.items():
            self._dropped(name).inc(count)
        for stage, component, _ in run.degradations:
            self.degraded.labels(stage, component).inc()

    def showed(self, pages: Sequence[Shown]) -> None:
        """Pages that were answered; together, since for one page a call of numpy costs more than what it does."""
        for shown in pages:
            self._slate(shown.slate.strategy, shown.shopper).inc()
            if math.isfinite(score := shown.top_score):
                self._top_score(shown.slate.strategy).observe(score)
        for (strategy, sources), group in alike(pages).items():
            self._showed(strategy, sources, group)

    def _showed(self, strategy: str, sources: Sequence[str], pages: Sequence[Shown]) -> None:
        items = np.concatenate([page.items for page in pages])
        self.shown_items.mark(items)
        self._empty(strategy).inc(sum(not len(page.items) for page in pages))
        self._shown(strategy).inc(len(items))
        self._new(strategy).inc(len(items) - int(np.count_nonzero(self.met[items])))
        proposed = np.concatenate([page.merged for page in pages])[:, : 2 * len(sources) : 2]  # the ranks
        counts = np.count_nonzero(proposed == proposed, axis=0).tolist()  # not NaN
        for source, count in zip(sources, counts, strict=True):
            if count:
                self._by_source(strategy, source).inc(count)


def _fallible(strategy: Strategy) -> Iterable[tuple[str, str]]:
    """Stage and name of what a request of this strategy can do without, see the pipeline."""
    yield from (("recall", source.name) for source in strategy.recall)
    yield from (("hydrate", hydrator.name) for hydrator in strategy.hydrate)
    yield from (("score", strategy.scorer.name), ("select", strategy.selector.name), ("explain", strategy.scorer.name))
    if isinstance(strategy.scorer.component, Rescorer):
        yield "rescore", strategy.scorer.name


def worker_metrics(worker: int, serving: Serving) -> Metrics:
    """Metrics that write into the files of this worker's place in the folder that the supervisor made."""
    values.ValueClass = values.MultiProcessValue(lambda: place_name(worker))  # type: ignore[no-untyped-call]
    shown = ShownItems(Path(os.environ[METRICS_FOLDER]) / SHOWN_FILE, len(serving.bundle.catalog))
    metrics = Metrics(CollectorRegistry(), shown, met_items(serving.bundle))
    metrics.foresee(serving.strategies.by_name.values())
    return metrics


def place_name(worker: int) -> str:
    return f"worker{worker}"
