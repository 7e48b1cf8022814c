"""Endcap's server under load: `python -m benchmarks.serve --json out.json`.

Two workers and the compiled load generator on the same cores, whose processor time is told apart. Closed loop at 1, 16
and 64 calls in flight, then open loop at rising rates up to the knee; beside it the plain pipeline behind grpc.aio;
then what gRPC, codec, admission and metrics cost together, and how workers, threads and connections share the work.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import asked
from benchmarks.apart_server import SPENT
from benchmarks.common import ROOT, WORK, machine, ratio, write_json
from benchmarks.load import bundle_to_load, drive, median_run, options_of, parsed, write_requests
from endcap.bundle.folder import Bundle
from endcap.cli._demo.server import READY, served

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

    def driven(
        self, server: tuple[str, int], kind: str, what: str, strategy: str = "", rounds: int = 0, **how: Any
    ) -> dict[str, Any]:
        """The median, by rate, of several runs, each with requests of its own. ``how`` is for ``drive``."""
        address, pid = server
        runs = [
            drive(address, self.requests(kind, self._count(how), strategy), pid, seconds=self.options.seconds, **how)
            for _ in range(rounds or self.options.rounds)
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
    told = ("--bundle", str(bundle.folder), "--pipeline", pipeline, "--workers", str(workers))
    with module_served("benchmarks.bare_server", *told) as server:
        yield server


@contextmanager
def module_served(module: str, *told: str) -> Iterator[tuple[str, int]]:
    """Address and first process of a server of this folder's own, once it is ready."""
    process = Popen([sys.executable, "-m", module, *told], stdout=PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        ready = next(filter(None, map(READY.search, process.stdout)), None)
        if ready is None:
            raise RuntimeError(f"{module} ended before it served, with {process.wait()}")
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
    """What gRPC, codec, admission and metrics cost a request of one worker together: alone, where one slate answers
    everything, and beside a pipeline that does as little as one can, whose own time is taken off. Beside it they cost
    more, since it takes the processor's caches from them."""
    alone = _told_apart(bench, "one slate for all", "--one-slate")
    beside = _told_apart(bench, "a strategy that does nothing")
    return {"overhead_cpu_ms": alone["overhead_cpu_ms"], "alone": alone, "beside_a_pipeline": beside}


def _told_apart(bench: Bench, what: str, *more: str) -> dict[str, Any]:
    """The median run, by what the server costs but for its pipelines."""
    strategies, file = WORK / "nothing.toml", WORK / "spent.bin"
    strategies.write_text(NOTHING, encoding="utf-8")
    told = ("--bundle", str(bench.bundle.folder), "--strategies", str(strategies), "--spent", str(file), *more)
    runs = []
    with module_served("benchmarks.apart_server", *told) as server:
        bench.warm(server, "no_text", "nothing")
        for _ in range(bench.options.rounds):
            seconds, requests = SPENT.unpack(file.read_bytes())
            row = bench.driven(server, "no_text", f"ours, {what}, closed 16", "nothing", rounds=1, concurrency=16)
            after, answered = SPENT.unpack(file.read_bytes())
            pipeline = (after - seconds) * 1000 / max(answered - requests, 1)
            runs.append({"overhead_cpu_ms": row["server_cpu_ms"] - pipeline, "pipeline_cpu_ms": pipeline, **row})
    middle = sorted(runs, key=lambda row: row["overhead_cpu_ms"])[len(runs) // 2]
    kept = ("overhead_cpu_ms", "pipeline_cpu_ms", "server_cpu_ms", "client_cpu_ms", "ok_per_s")
    return {name: round(middle[name], 3) for name in kept} | {
        "overhead_rounds": [round(row["overhead_cpu_ms"], 3) for row in runs]
    }


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
