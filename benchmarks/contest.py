"""Two ways to answer the same requests, round by round, on one thread: processor and wall time, by stage."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from endcap.bundle.folder import Bundle
from endcap.strategies import pipeline
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import Run
from endcap.strategies.registry import load_strategies

SIZE = 20


class Request(NamedTuple):
    user: int
    text: str = ""


class Answer(NamedTuple):
    items: list[int]
    scores: list[float]
    candidates: list[int]
    stages: Mapping[str, float]
    """Milliseconds of processor time."""


Contender = Callable[[Request], Answer]


STAGES = {
    ("recall", "als"): "factors",
    ("recall", "text"): "embeddings",
    ("recall", "lexical"): "words",
    "recall": "other recall",
    "merge": "merge and features",
    "hydrate": "merge and features",
    "filter": "merge and features",
    "score": "score",
    "select": "select",
    "explain": "reasons",
}


class Ours:
    """Endcap's pipeline in this process, as a worker runs it."""

    def __init__(self, bundle: Bundle) -> None:
        pipeline.clock = time.thread_time  # processor time, by stage
        self.bundle = bundle
        self.strategies = load_strategies(bundle)

    def query(self, request: Request) -> Query:
        history = self.bundle.histories.of(request.user)
        now = self.bundle.manifest.data_end
        return Query(now, request.user, history, text=request.text, size=SIZE, request_id=str(request.user))

    def __call__(self, request: Request) -> Answer:
        strategy = self.strategies.resolve("search" if request.text else "")
        slate = pipeline.execute(strategy, self.query(request))
        if slate.run.degradations:
            raise AssertionError(f"ours did without: {slate.run.degradations}")
        stages: dict[str, float] = defaultdict(float)
        for stage, component, seconds in slate.run.timings:
            stages[STAGES.get((stage, component)) or STAGES[stage]] += seconds * 1000
        return Answer(slate.items.tolist(), slate.scores.tolist(), [], stages)

    def candidates(self, request: Request) -> list[int]:
        """What is left to score, in order of item."""
        strategy, query = self.strategies.resolve("search" if request.text else ""), self.query(request)
        found = pipeline.gather(strategy, query, Run())
        for item_filter in strategy.filter:
            found = found.take(item_filter.component.keep(query, found))
        return sorted(found.items.tolist())


class Measured(NamedTuple):
    cpu_ms: float
    """Of a request: the median of the rounds' means."""
    cpu_ms_spread: tuple[float, float]
    """The lowest and the highest round."""
    p50_ms: float
    p99_ms: float
    stages_ms: dict[str, float]

    def told(self) -> dict[str, Any]:
        return {
            "cpu_ms": round(self.cpu_ms, 3),
            "cpu_ms_rounds": [round(each, 3) for each in self.cpu_ms_spread],
            "p50_ms": round(self.p50_ms, 3),
            "p99_ms": round(self.p99_ms, 3),
            "stages_ms": {name: round(each, 3) for name, each in self.stages_ms.items()},
        }


def contest(contenders: Mapping[str, Contender], rounds: Sequence[Sequence[Request]]) -> dict[str, Measured]:
    """Every round's requests, all by one contender and then all by the other; who is first alternates. So each finds
    the processor's caches as it left them itself, as in a server. The first round warms up."""
    spent: dict[str, list[dict[str, list[float]]]] = {name: [] for name in contenders}
    order = list(contenders.items())
    for number, requests in enumerate(rounds):
        found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in contenders}
        for name, contender in order if number % 2 else reversed(order):
            for request in requests:
                for stage, value in _timed(contender, request).items():
                    found[name][stage].append(value)
        for name in contenders:
            spent[name].append(found[name])
    return {name: _summary(each[1:]) for name, each in spent.items()}


WHOLE, WALL = "whole", "wall"


def _timed(contender: Contender, request: Request) -> dict[str, float]:
    cpu, wall = time.thread_time(), time.perf_counter()
    answer = contender(request)
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    return {**answer.stages, WHOLE: cpu * 1000, WALL: wall * 1000}


def _summary(rounds: list[dict[str, list[float]]]) -> Measured:
    means = [{stage: sum(values) / len(each[WALL]) for stage, values in each.items()} for each in rounds]
    walls = sorted(value for each in rounds for value in each[WALL])
    whole = [each[WHOLE] for each in means]
    stages = {name for each in means for name in each} - {WHOLE, WALL}
    return Measured(
        statistics.median(whole),
        (min(whole), max(whole)),
        statistics.median(walls),
        walls[int(0.99 * len(walls))],
        {name: statistics.median(each.get(name, 0.0) for each in means) for name in sorted(stages)},
    )
