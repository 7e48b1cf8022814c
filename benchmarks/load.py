"""The compiled load generator, `../shared/tools/grpc_load.cc`, and what it and the server cost in processor time."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.common import OUT, ROOT, WORK, bundle_of
from endcap.bundle.folder import Bundle
from endcap.cli._memory import family

SOURCE = ROOT.parent / "shared" / "tools" / "grpc_load.cc"
RANK = "/endcap.v1.RankingService/Rank"
TICKS = os.sysconf("SC_CLK_TCK")


class NoGenerator(RuntimeError):
    """The load generator cannot be had; the message says what is missing."""


def options_of(name: str, description: str | None) -> argparse.ArgumentParser:
    """What every benchmark under load can be told."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bundle", type=Path, help="a bundle, or a folder of them")
    parser.add_argument("--json", type=Path, default=OUT / f"{name}.json")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each row, of which the median counts")
    parser.add_argument("--quick", action="store_true", help="one run of three seconds each, and fewer rows")
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 3.0, 1
    return options


def bundle_to_load(path: Path | None) -> tuple[Bundle | None, dict[str, str]]:
    """The bundle to serve; none, and the reason under ``skipped``, where there is no load generator or no bundle."""
    try:
        generator()
    except NoGenerator as reason:
        return None, {"skipped": str(reason)}
    bundle = bundle_of(path)
    return bundle, {"bundle": bundle.manifest.version} if bundle else {"skipped": "no bundle: make bench-bundle"}


def median_run(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run in the middle by rate, with the rates of all."""
    return {
        **sorted(runs, key=lambda run: run["ok_per_s"])[len(runs) // 2],
        "ok_per_s_rounds": [run["ok_per_s"] for run in runs],
    }


def generator() -> Path:
    """The compiled load generator, compiled where it is not there or is older than its source. Raises NoGenerator."""
    program = WORK / "grpc_load"
    if program.is_file() and (not SOURCE.is_file() or program.stat().st_mtime >= SOURCE.stat().st_mtime):
        return program
    if not SOURCE.is_file():
        raise NoGenerator(f"no {SOURCE}, the source of the load generator")
    if not shutil.which("g++") or not shutil.which("pkg-config"):
        raise NoGenerator("no g++ or pkg-config: apt-get install g++ pkg-config libgrpc++-dev")
    WORK.mkdir(parents=True, exist_ok=True)
    flags = subprocess.run(("pkg-config", "--libs", "grpc++"), capture_output=True, text=True, check=False)
    if flags.returncode:
        raise NoGenerator("no grpc++: apt-get install libgrpc++-dev")
    command = ("g++", "-O2", "-std=c++17", str(SOURCE), "-o", str(program), *flags.stdout.split(), "-lpthread")
    subprocess.run(command, check=True)
    return program


def write_requests(path: Path, messages: Iterable[bytes]) -> Path:
    """One length (uint32, little endian) and the message after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for message in messages:
            file.write(struct.pack("<I", len(message)) + message)
    return path


def drive(
    address: str,
    requests: Path,
    pid: int,
    *,
    concurrency: int = 16,
    rate: float = 0.0,
    seconds: float = 8.0,
    channels: int = 8,
    method: str = RANK,
) -> dict[str, Any]:
    """One run against the server whose first process is ``pid``: closed with ``concurrency`` calls in flight, or open
    at ``rate``. What the generator says, and ``server_cpu_ms`` and ``client_cpu_ms``, each of a request answered."""
    options = {"address": address, "method": method, "requests": requests, "concurrency": concurrency}
    options |= {"channels": channels, "seconds": seconds, "warmup": 0, "rate": rate}
    found = measured([str(generator())], options, pid, seconds)
    return {"concurrency": None if rate else concurrency, "channels": channels, **found}


def drive_http(address: str, requests: Path, pid: int, content_type: str, seconds: float) -> dict[str, Any]:
    """As ``drive`` with 16 in flight, of POSTs."""
    options = {"address": address, "requests": requests, "concurrency": 16, "seconds": seconds, "type": content_type}
    return measured([sys.executable, "-m", "benchmarks.http_load"], options, pid, seconds)


def measured(program: list[str], options: dict[str, Any], pid: int, seconds: float) -> dict[str, Any]:
    before = cpu_seconds(pid)
    command = [*program, *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as stdout:
        said = stdout.read()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # it has been waited for
    spent = {worker: seconds - before.get(worker, 0.0) for worker, seconds in cpu_seconds(pid).items()}
    found: dict[str, Any] = json.loads(said)
    answered = max(found["ok_per_s"] * seconds, 1.0)
    shares = sorted(spent.values(), reverse=True)
    return {
        **found,
        "server_cpu_ms": round(sum(shares) * 1000 / answered, 3),
        "client_cpu_ms": round((usage.ru_utime + usage.ru_stime) * 1000 / answered, 3),
        "cpu_by_process_s": [round(each, 2) for each in shares if each > 0.02],
    }


def cpu_seconds(pid: int) -> dict[int, float]:
    """What a process and each of its descendants have spent so far."""
    found = {}
    for member in family(pid):
        try:
            fields = Path(f"/proc/{member}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            continue
        found[member] = (int(fields[11]) + int(fields[12])) / TICKS
    return found
