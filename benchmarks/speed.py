"""How fast the service is and how much memory it takes, on the demo's bundle: `make bench`.

Prints a table and writes benchmarks/out/speed.json. A target is what a part must reach on two idle cores; the load of
the machine is noted beside what was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.common import OUT, on_cores
from benchmarks.shoppers import shoppers
from endcap.bundle.folder import Bundle, newest_bundle, open_bundle
from endcap.cli._demo.preparation import read_json
from endcap.cli._demo.server import Served, served
from endcap.cli._memory import family, field_kib
from endcap.client import Client
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import execute
from endcap.strategies.registry import load_strategies

SEED, SIZE, WARM_UP = 11, 20, 50
MIB = 1024


@dataclass(frozen=True)
class Measured:
    what: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False
    """The target is a floor; otherwise a ceiling."""

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


def main() -> None:
    options = _options()
    bundle = open_bundle(_bundle_folder(options.work, options.config))
    users = shoppers(bundle, options.requests + WARM_UP, SEED)
    log = options.work / "bench.log"
    measured = [
        *demo(options.work),
        *start(bundle, log, options.starts),
        *second_worker(bundle, users, log),
        *over_grpc(bundle, users, log),
        *in_process(bundle, users),
        *quality(bundle),
    ]
    Console().print(_table(measured))
    _write(bundle, measured)


def demo(work: Path) -> Iterator[Measured]:
    """What the demo noted of its own runs."""
    runs = read_json(work / "demo.json")
    if run := runs.get("with_training"):
        yield Measured("make demo, first run, to the first rankings", run["first_rankings_seconds"], "s", 360)
        yield Measured("of which training", run["training_seconds"], "s", 240)
        yield Measured("peak memory of training", run["peak_memory_mib"] / 1024, "GiB", 6)
    if run := runs.get("from_kept_bundle"):
        yield Measured("make demo, later runs, to the first rankings", run["first_rankings_seconds"], "s")


def start(bundle: Bundle, log: Path, times: int) -> Iterator[Measured]:
    """From the command to SERVING, one worker; the slowest of several starts."""
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        with served(bundle.folder, 0, 0, log):
            seconds.append(time.perf_counter() - begun)
    yield Measured(f"endcap serve to SERVING, slowest of {times}", max(seconds), "s", 5)


def second_worker(bundle: Bundle, users: list[int], log: Path) -> Iterator[Measured]:
    """Private_Dirty of all processes, with one worker and with two, after both ranked for the same shoppers."""
    held = []
    for workers in (1, 2):
        with served(bundle.folder, 0, 0, log, "--workers", str(workers)) as server:
            _visit_all(server, bundle, users[:200], workers)
            held.append(sum(field_kib(pid, "Private_Dirty") for pid in family(server.process.pid)) / MIB)
    yield Measured("Private_Dirty with one worker", held[0], "MiB")
    yield Measured("Private_Dirty added by a second worker", held[1] - held[0], "MiB", 300)


def _visit_all(server: Served, bundle: Bundle, users: list[int], workers: int) -> None:
    """Connections are spread over the workers by the kernel: connect anew until each worker has had its share."""
    visits: dict[int, int] = defaultdict(int)
    while len(visits) < workers or min(visits.values()) < len(users):
        with Client(server.address, options=[("grpc.use_local_subchannel_pool", 1)]) as client:
            worker = client.serving_state().worker_index
            for user in users:
                client.rank(user_id=bundle.users.id(user), page_size=SIZE)
            visits[worker] += len(users)


def over_grpc(bundle: Bundle, users: list[int], log: Path) -> Iterator[Measured]:
    """Rank for one shopper after the other: the server on one core, the client, where there is another, on that."""
    cores = sorted(os.sched_getaffinity(0))
    with on_cores({cores[0]}):
        context = served(bundle.folder, 0, 0, log)
        server = context.__enter__()
    try:
        with on_cores({cores[-1]}), Client(server.address) as client:
            slates = []

            def rank(user: int) -> None:
                slates.append(client.rank(user_id=bundle.users.id(user), page_size=SIZE))

            round_trips = _times_ms(rank, users)
    finally:
        context.__exit__(None, None, None)
    totals = [timing.duration_ms for slate in slates[WARM_UP:] for timing in slate.timings if timing.stage == "total"]
    yield Measured("Rank, median of candidates", statistics.median(s.candidate_count for s in slates), "items")
    yield Measured("Rank by the sync client, p50", float(np.percentile(round_trips, 50)), "ms", 25)
    yield Measured("Rank by the sync client, p99", float(np.percentile(round_trips, 99)), "ms")
    yield Measured("Rank inside the server, p50", float(np.percentile(totals, 50)), "ms")


def in_process(bundle: Bundle, users: list[int]) -> Iterator[Measured]:
    """The pipeline alone, and the median of every component."""
    strategy = load_strategies(bundle).resolve()
    spent: dict[str, list[float]] = defaultdict(list)

    def rank(user: int) -> None:
        query = Query(bundle.manifest.data_end, user, bundle.histories.of(user), size=SIZE, request_id=str(user))
        for stage, component, seconds in execute(strategy, query).run.timings:
            spent[f"{stage} {component}" if component != stage else stage].append(seconds * 1000)

    with on_cores({min(os.sched_getaffinity(0))}):
        milliseconds = _times_ms(rank, users)
    yield Measured(f"pipeline {strategy.name} in process, p50", float(np.percentile(milliseconds, 50)), "ms")
    yield Measured(f"pipeline {strategy.name} in process, p99", float(np.percentile(milliseconds, 99)), "ms")
    for name, values in spent.items():
        yield Measured(f"  {name}, p50", statistics.median(values[WARM_UP:]), "ms")


def quality(bundle: Bundle) -> Iterator[Measured]:
    """The strategy that training taught, against each of its own sources; measured by training on its last window."""
    judged = bundle.manifest.metrics.get("strategies", {})
    best = max((metrics["ndcg@10"] for name, metrics in judged.items() if name != "hybrid"), default=0.0)
    for name, metrics in sorted(judged.items(), key=lambda entry: -entry[1]["ndcg@10"]):
        target = best if name == "hybrid" else None
        yield Measured(
            f"NDCG@10 of {name}, last {bundle.manifest.horizon_days:g} days", metrics["ndcg@10"], "", target, True
        )


def _times_ms(call: Callable[[int], None], users: list[int]) -> list[float]:
    """Milliseconds of each call after the warm-up."""
    found = []
    for user in users:
        begun = time.perf_counter()
        call(user)
        found.append((time.perf_counter() - begun) * 1000)
    return found[WARM_UP:]


def _bundle_folder(work: Path, config: Path | None) -> Path:
    """The demo's bundle, which the demo makes where there is none that fits this code."""
    command = [sys.executable, "-c", "from endcap.cli import main; main()", "demo", "--once", "--work", str(work)]
    command += ["--port", "0", "--metrics-port", "0", *(["--config", str(config)] if config else [])]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    name = read_json(work / "trained.json").get("bundle", "")
    return newest_bundle(work / "bundles" / name)


def _table(measured: list[Measured]) -> Table:
    table = Table(title="Endcap, measured", title_justify="left")
    table.add_column("what")
    for heading in ("measured", "target", ""):
        table.add_column(heading, justify="right")
    for each in measured:
        places = 4 if not each.unit else 0 if each.unit in ("MiB", "items") else 2
        target = "" if each.target is None else f"{'≥' if each.at_least else '≤'} {each.target:g} {each.unit}"
        mark = {None: "", True: "[green]reached", False: "[red]missed"}[each.reached]
        table.add_row(each.what, f"{each.value:,.{places}f} {each.unit}", target, mark)
    return table


def _write(bundle: Bundle, measured: list[Measured]) -> None:
    OUT.mkdir(exist_ok=True)
    content = {
        "bundle": bundle.manifest.version,
        "cores": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "measured": [{**asdict(each), "reached": each.reached} for each in measured],
    }
    (OUT / "speed.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".endcap/demo"), help="the demo's folder")
    parser.add_argument("--config", type=Path, help="another shop's shop.toml, instead of the demo's")
    parser.add_argument("--requests", type=int, default=500, help="requests to measure")
    parser.add_argument("--starts", type=int, default=3, help="starts of the server to measure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
