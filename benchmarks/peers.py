"""Endcap's pipeline, and the plain one, behind other servers: `python -m benchmarks.peers --json out.json`.

Two workers each, sixteen calls in flight, the same requests and the same client where the protocol is gRPC; over HTTP
and marked so otherwise. Each peer is installed, pinned, into an environment below `.endcap/bench/venvs`, that
sees the packages of `.venv` too. A peer that cannot be installed, started or asked is reported with the reason.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks import asked
from benchmarks.common import ROOT, WORK, machine, write_json
from benchmarks.load import RANK, bundle_to_load, drive, drive_http, median_run, options_of, parsed, write_requests
from endcap.bundle.folder import Bundle
from endcap.cli._demo.server import served
from endcap.cli._memory import family

WORKERS, PATIENCE_SECONDS = 2, 180


class Peer(NamedTuple):
    name: str
    module: str
    """Below benchmarks.peer_servers; started with bundle, pipeline, workers and port."""
    packages: tuple[str, ...] = ()
    protocol: str = "gRPC"
    method: str = RANK
    wraps: bool = False
    """It has a message of its own around ours, which its module writes."""


PEERS = (
    Peer(
        "MLServer",
        "mlserver_runtime",
        ("mlserver==1.7.1", "uvloop==0.21.0"),
        method="/inference.GRPCInferenceService/ModelInfer",
        wraps=True,
    ),
    Peer("BentoML", "bento", ("bentoml[grpc]==1.4.40",), method="/bentoml.grpc.v1.BentoService/Call", wraps=True),
    Peer("Ray Serve", "ray_grpc", ("ray[serve-grpc]==2.60.0",)),
    Peer("LitServe", "lit", ("litserve==0.2.19",), "HTTP"),
)


class NoPeer(RuntimeError):
    """A peer that cannot be measured here; the message says why."""


def environment(peer: Peer) -> Path:
    """Its Python, with its packages installed. Raises NoPeer."""
    folder = WORK / "venvs" / re.split(r"[\[=]", peer.packages[0])[0]
    python = folder / "bin" / "python"
    if not python.is_file():
        subprocess.run((sys.executable, "-m", "venv", str(folder)), check=True)
    inside = next(folder.glob("lib/python*/site-packages"))
    (inside / "endcap_main.pth").write_text("\n".join(_shared()) + "\n", encoding="utf-8")
    installed, wanted = folder / "installed.txt", "\n".join(peer.packages)
    if installed.is_file() and installed.read_text(encoding="utf-8") == wanted:
        return python
    command = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.packages)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoPeer(f"pip install {' '.join(peer.packages)}: {_last_line(done.stderr)}")
    installed.write_text(wanted, encoding="utf-8")
    return python


def _shared() -> list[str]:
    """Where the packages of `.venv` and Endcap's own source are; a peer's own packages go before them."""
    return [
        sysconfig.get_paths()["purelib"],
        *(str(ROOT / part) for part in ("strategies", "server", "clients/python")),
    ]


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if not line.startswith("WARNING")]
    return lines[-1][:300] if lines else "it says nothing"


@contextmanager
def started(peer: Peer, python: Path, bundle: Bundle, pipeline: str) -> Iterator[tuple[str, int]]:
    """Address and first process of the peer once it listens. Raises NoPeer where it ends instead, or takes too long."""
    port, log = free_ports(), WORK / f"{peer.module}.log"
    command = [str(python), "-m", f"benchmarks.peer_servers.{peer.module}", str(bundle.folder), pipeline]
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [*command, str(WORKERS), str(port)],
            cwd=ROOT,
            stdout=file,
            stderr=file,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"},
        )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not listens(port):
            if process.poll() is not None:
                raise NoPeer(f"it ended with {process.returncode}: {_last_line(log.read_text(errors='replace'))}")
            if time.monotonic() > deadline:
                raise NoPeer(f"it did not listen within {PATIENCE_SECONDS} s")
            time.sleep(0.2)
        yield f"127.0.0.1:{port}", process.pid
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asked to stop, then made to; some leave processes of theirs behind."""
    members = family(process.pid)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    for member in members:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    process.wait()


def free_ports() -> int:
    """One with a few more behind it that are free too, most likely."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    return port if port < 65_000 else free_ports()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Bench:
    def __init__(self, bundle: Bundle, options: argparse.Namespace) -> None:
        self.bundle, self.options, self.console = bundle, options, Console()
        self.seed = int(time.time()) % 1_000_000

    def requests(self) -> Path:
        """Others each time."""
        self.seed += 1
        count = int(1000 * self.options.seconds)
        return write_requests(WORK / "requests" / "peers.bin", asked.no_text(self.bundle, count, self.seed))

    def own(self, pipeline: str) -> Iterator[dict[str, Any]]:
        """Endcap's server, for its own pipeline only, and bare grpc.aio."""
        from benchmarks.serve import bare_server

        if pipeline == "ours":
            with served(self.bundle.folder, 0, 0, WORK / "serve.log", "--workers", str(WORKERS)) as server:
                yield self.row("Endcap", "gRPC", server.address, server.process.pid, RANK)
        with bare_server(self.bundle, pipeline, WORKERS) as (address, pid):
            yield self.row("bare grpc.aio", "gRPC", address, pid, RANK)

    def peer(self, peer: Peer, pipeline: str) -> dict[str, Any]:
        try:
            python = environment(peer)
            with started(peer, python, self.bundle, pipeline) as (address, pid):
                return self.row(
                    peer.name, peer.protocol, address, pid, peer.method, python if peer.wraps else None, peer
                )
        except (NoPeer, OSError, ValueError, subprocess.SubprocessError) as reason:
            return {"server": peer.name, "protocol": peer.protocol, "not_measured": str(reason)}

    def row(
        self,
        name: str,
        protocol: str,
        address: str,
        pid: int,
        method: str,
        wrapper: Path | None = None,
        peer: Peer | None = None,
    ) -> dict[str, Any]:
        """The median, by rate, of several runs once it answers. Raises NoPeer where it never does."""

        def run(seconds: float) -> dict[str, Any]:
            requests = self.requests()
            if wrapper and peer:
                requests = wrapped(wrapper, peer, requests)
            if protocol == "HTTP":
                return drive_http(address, requests, pid, _type(wrapper), seconds)
            return drive(address, requests, pid, seconds=seconds, method=method)

        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (warm := run(2.0))["ok_per_s"]:  # some listen before their model is loaded
            if time.monotonic() > deadline:
                raise NoPeer(f"it answers no request: {warm['codes']}")
        runs = [run(self.options.seconds) for _ in range(self.options.rounds)]
        return {"server": name, "protocol": protocol, **median_run(runs)}


def _type(wrapper: Path | None) -> str:
    """What is posted: our own message's bytes, or the JSON around them."""
    return "application/json" if wrapper else "application/octet-stream"


def wrapped(python: Path, peer: Peer, requests: Path) -> Path:
    """The requests in the peer's own message, written by its own code."""
    out = requests.with_name(f"{peer.module}.bin")
    command = (str(python), "-m", f"benchmarks.peer_servers.{peer.module}", "--wrap", str(requests), str(out))
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NoPeer(f"its own message could not be made: {_last_line(done.stderr)}")
    return out


def compared(bench: Bench, pipeline: str) -> list[dict[str, Any]]:
    rows = []
    for row in bench.own(pipeline):
        rows.append(row)
        bench.console.print(row)
    for peer in PEERS:
        if not bench.options.only or peer.name in bench.options.only.split(","):
            rows.append(bench.peer(peer, pipeline))
            bench.console.print(rows[-1])
    return rows


def main() -> None:
    options = _options()
    bundle, told = bundle_to_load(options.bundle)
    found: dict[str, Any] = {"quick": options.quick, "machine": machine(), **told, "ours": None, "plain": None}
    if bundle:
        bench = Bench(bundle, options)
        for pipeline in ("ours",) if options.quick else ("ours", "plain"):
            found[pipeline] = compared(bench, pipeline)
            write_json(options.json, found)
            bench.console.print(_table(pipeline, found[pipeline]))
    found["of_bare"] = _of_bare(found["ours"] or [])
    write_json(options.json, found)


def _of_bare(rows: list[dict[str, Any]]) -> float | None:
    """Endcap's requests a second by those of bare grpc.aio."""
    rates = {row["server"]: row.get("ok_per_s") for row in rows}
    ours, bare = rates.get("Endcap"), rates.get("bare grpc.aio")
    return round(ours / bare, 3) if ours and bare else None


def _table(pipeline: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"The {pipeline} pipeline behind each server, 16 in flight", title_justify="left")
    for heading in ("server", "protocol", "answers/s", "p50 ms", "p99 ms", "server ms", "client ms"):
        table.add_column(heading, justify="left" if heading in ("server", "protocol") else "right")
    for row in rows:
        if "not_measured" in row:
            table.add_row(row["server"], row["protocol"], f"not measured: {row['not_measured']}")
            continue
        cells = [f"{row[name]:.2f}" for name in ("p50_ms", "p99_ms", "server_cpu_ms", "client_cpu_ms")]
        table.add_row(row["server"], row["protocol"], f"{row['ok_per_s']:.0f}", *cells)
    return table


def _options() -> argparse.Namespace:
    parser = options_of("peers", __doc__)
    parser.add_argument("--only", default="", help="names of peers, with commas between them")
    return parsed(parser)


if __name__ == "__main__":
    main()
