"""Endcap's server under load: `python -m benchmarks.serve --json out.json`.

Two workers and the compiled load generator on the same cores, whose processor time is told apart. Closed loop at 1, 16
and 64 calls in flight, then open loop at rising rates up to the knee; beside it the plain pipeline behind grpc.aio;
then what gRPC, codec, admission and metrics cost together, and how workers, threads and connections share the work.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import asked
from benchmarks.common import ROOT, WORK, machine, ratio, write_json
from benchmarks.load import bundle_to_load, drive, median_run, options_of, parsed, write_requests
from endcap.bundle.folder import Bundle
from endcap.cli._demo.server import READY, served
from endcap.server.serving import read_strategies
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import execute
from endcap.strategies.registry import load_strategies

Rows = list[dict[str, Any]]
NOTHING = """\
[strategies.nothing]
recall = [{ use = "popular", limit = 20 }]
score = "by_source"
select = "top_k"
"""
"""As little as a strategy can do: twenty items from a list, in its order. What else a request costs is the server."""
KNEE_MS = 50.0
"""Past the knee: one answer in a hundred takes longer than this, or is missing."""


class Bench:
    def __init__(self, bundle: Bundle, options: argparse.Namespace) -> None:
        self.bundle, self.options, self.console = bundle, options, Console()
        self.seed = int(time.time()) % 1_000_000
        """Another one each run: no cache on disk has seen these requests."""

    def requests(self, kind: str, count: int, strategy: str = "") -> Path:
        self.seed += 1
        made = asked.text(self.bundle, count, self.seed) if kind == "text" else None
        messages = made or asked.no_text(self.bundle, count, self.seed, strategy)
        return write_requests(WORK / "requests" / f"{kind}-{strategy or 'default'}.bin", messages)

    @contextmanager
    def ours(self, workers: int, *more: str) -> Iterator[tuple[str, int]]:
        with served(self.bundle.folder, 0, 0, WORK / "serve.log", "--workers", str(workers), *more) as server:
            yield server.address, server.process.pid

    def driven(self, server: tuple[str, int], kind: str, what: str, strategy: str = "", **how: Any) -> dict[str, Any]:
        """The median, by rate, of several runs, each with requests of its own."""
        address, pid = server
        runs = [
            drive(address, self.requests(kind, self._count(how), strategy), pid, seconds=self.options.seconds, **how)
            for _ in range(self.options.rounds)
        ]
        row = {"what": what, "kind": kind, **median_run(runs)}
        self.console.print(
            f"{what}, {kind}: {row['ok_per_s']:.0f}/s, p50 {row['p50_ms']:.1f}, p99 {row['p99_ms']:.1f} ms, "
            f"processor ms: server {row['server_cpu_ms']:.2f}, client {row['client_cpu_ms']:.2f}, codes {row['codes']}"
        )
        return row

    def _count(self, how: dict[str, Any]) -> int:
        return int(self.options.seconds * max(how.get("rate", 0.0), self.options.most_per_second)) + 100

    def warm(self, server: tuple[str, int], kind: str, strategy: str = "") -> None:
        drive(server[0], self.requests(kind, 1000, strategy), server[1], seconds=2.0, concurrency=8)


@contextmanager
def bare_server(bundle: Bundle, pipeline: str, workers: int) -> Iterator[tuple[str, int]]:
    """Address and first process of a pipeline behind nothing but grpc.aio."""
    command = [sys.executable, "-m", "benchmarks.bare_server", "--bundle", str(bundle.folder)]
    process = Popen([*command, "--pipeline", pipeline, "--workers", str(workers)], stdout=PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        ready = next(filter(None, map(READY.search, process.stdout)))
        yield ready["address"], process.pid
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def closed_and_open(bench: Bench, kind: str) -> dict[str, Any]:
    with bench.ours(2) as server:
        bench.warm(server, kind)
        closed = [bench.driven(server, kind, f"ours, closed {c}", concurrency=c) for c in (1, 16, 64)]
        best = max(row["ok_per_s"] for row in closed)
        opened: Rows = []
        for share in (0.5, 0.7, 0.8, 0.9, 1.0):
            opened.append(
                bench.driven(server, kind, f"ours, open {share:.0%} of the best", rate=round(share * best, 1))
            )
            if not held(opened[-1]):
                break
    knee = max((row["offered_per_s"] for row in opened if held(row)), default=None)
    return {"closed": closed, "open": opened, "knee_per_s": knee}


def held(row: dict[str, Any]) -> bool:
    """Whether the server kept up with an open loop."""
    return bool(row["p99_ms"] <= KNEE_MS and row["ok_per_s"] >= 0.99 * row["offered_per_s"])


def plainly(bench: Bench) -> Rows:
    with bare_server(bench.bundle, "plain", 2) as server:
        for kind in KINDS:
            bench.warm(server, kind)
        return [bench.driven(server, kind, "plain behind grpc.aio, closed 16", concurrency=16) for kind in KINDS]


def overhead(bench: Bench) -> dict[str, Any]:
    """What a request costs beside its strategy: the server's processor time under load by the strategy that does as
    little as one can, less that of its pipeline alone in this process."""
    path = WORK / "nothing.toml"
    path.write_text(NOTHING, encoding="utf-8")
    with bench.ours(1, "--strategies", str(path)) as server:
        bench.warm(server, "no_text", "nothing")
        row = bench.driven(
            server, "no_text", "ours, a strategy that does nothing, closed 16", "nothing", concurrency=16
        )
    alone = pipeline_ms(bench.bundle, path)
    return {
        "server_cpu_ms": row["server_cpu_ms"],
        "pipeline_cpu_ms": round(alone, 3),
        "overhead_cpu_ms": round(row["server_cpu_ms"] - alone, 3),
        "ok_per_s": row["ok_per_s"],
    }


def pipeline_ms(bundle: Bundle, strategies: Path) -> float:
    """Processor milliseconds of the strategy ``nothing``, median of five rounds of 300 requests."""
    strategy = load_strategies(bundle, read_strategies(strategies)["strategies"]).resolve("nothing")
    users = np.flatnonzero(np.diff(bundle.histories.offsets))[:300].tolist()
    queries = [(user, bundle.histories.of(user)) for user in users]
    rounds = []
    for _ in range(6):
        start = time.thread_time()
        for user, history in queries:
            execute(strategy, Query(bundle.manifest.data_end, user, history, excluded=np.array([user], np.int32)))
        rounds.append((time.thread_time() - start) * 1000 / len(queries))
    return statistics.median(rounds[1:])


def process_models(bench: Bench) -> Rows:
    """Workers against threads, and how evenly connections spread the load."""
    rows: Rows = []
    for workers, threads in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 1)):
        with bench.ours(workers, "--threads", str(threads)) as server:
            bench.warm(server, "no_text")
            what = f"ours, {workers} workers of {threads} threads, closed 16"
            rows.append(bench.driven(server, "no_text", what, concurrency=16))
    with bench.ours(2) as server:
        bench.warm(server, "no_text")
        for channels in (1, 2, 4, 16, 64):
            what = f"ours, {channels} connections, closed 64"
            rows.append(bench.driven(server, "no_text", what, concurrency=64, channels=channels))
    return rows


KINDS = ("no_text", "text")


def main() -> None:
    options = _options()
    bundle, told = bundle_to_load(options.bundle)
    found: dict[str, Any] = {"quick": options.quick, "machine": machine(), **told}
    bench = Bench(bundle, options) if bundle else None
    found["served"] = {kind: closed_and_open(bench, kind) for kind in KINDS} if bench else None
    found["plain"] = plainly(bench) if bench and not options.quick else None
    found["overhead"] = overhead(bench) if bench else None
    found["process_models"] = process_models(bench) if bench and not options.quick else None
    found["qps"] = {kind: _at_16(found, kind) for kind in KINDS}
    found["qps_ratio"] = {kind: _times(found, kind) for kind in KINDS}
    write_json(options.json, found)
    if bench:
        bench.console.print(_table(found))


def _at_16(found: dict[str, Any], kind: str) -> float | None:
    rows = found["served"][kind]["closed"] if found["served"] else []
    return next((row["ok_per_s"] for row in rows if row["concurrency"] == 16), None)


def _times(found: dict[str, Any], kind: str) -> float | None:
    """Ours divided by plain: requests answered, so that more is better, unlike all other ratios."""
    plain = next((row["ok_per_s"] for row in found["plain"] or [] if row["kind"] == kind), None)
    return ratio(_at_16(found, kind), plain)


def _table(found: dict[str, Any]) -> Table:
    table = Table(title="Endcap under load", title_justify="left")
    for heading in ("what", "kind", "answers/s", "p50 ms", "p99 ms", "server ms", "client ms", "not OK"):
        table.add_column(heading, justify="left" if heading in ("what", "kind") else "right")
    served_rows = [row for kind in KINDS for part in ("closed", "open") for row in found["served"][kind][part]]
    for row in [*served_rows, *(found["plain"] or []), *(found["process_models"] or [])]:
        cells = [f"{row[name]:.2f}" for name in ("p50_ms", "p99_ms", "server_cpu_ms", "client_cpu_ms")]
        failed = sum(count for code, count in row["codes"].items() if code != "0")
        table.add_row(row["what"], row["kind"], f"{row['ok_per_s']:.0f}", *cells, str(failed))
    return table


def _options() -> argparse.Namespace:
    parser = options_of("serve", __doc__)
    parser.add_argument("--most-per-second", type=float, default=1000.0, help="requests to have ready for a second")
    return parsed(parser)


if __name__ == "__main__":
    main()
