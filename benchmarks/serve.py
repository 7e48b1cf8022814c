"""Endcap's server under load: `python -m benchmarks.serve --json out.json`.

Two workers and the compiled load generator on the same cores, whose processor time is told apart. Closed loop at 1, 16
and 64 calls in flight, then open loop at rising rates up to the knee; beside it the plain pipeline behind grpc.aio;
then what gRPC, codec, admission and metrics cost together, whether to compute on a thread or on the event loop, and how
workers, threads and connections share the work.
"""

from __future__ import annotations

import argparse
from typing import Any

from rich.table import Table

from benchmarks.common import machine, ratio, write_json
from benchmarks.load import bundle_to_load, options_of, parsed
from benchmarks.overhead import overhead, threads_or_loop
from benchmarks.under_load import Bench, bare_server

Rows = list[dict[str, Any]]
KNEE_MS = 50.0
"""Past the knee: one answer in a hundred takes longer than this, or is missing."""


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
    found["threads_or_loop"] = threads_or_loop(bench) if bench else None
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
