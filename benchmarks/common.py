"""What the benchmarks share: the bundle to measure, the machine they ran on, a core of their own, JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from endcap.bundle.folder import Bundle, BundleError, open_bundle

ROOT = Path(__file__).parent.parent
OUT = Path(__file__).parent / "out"
WORK = ROOT / ".endcap" / "bench"
DAYS = 28.0


def bundle_of(path: Path | None) -> Bundle | None:
    """The bundle to measure: ``path``; else one that knows nothing of the last 28 days; else the demo's; else none."""
    places = [path] if path else [WORK / "bundles", ROOT / ".endcap" / "demo" / "bundles"]
    for place in places:
        try:
            return open_bundle(place, verify=False)
        except BundleError:
            if path:
                raise
    return None


def machine() -> dict[str, Any]:
    """Where and on what code this ran, and how busy the machine was when it was asked."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
        "commit": _git("rev-parse", "--short", "HEAD") or "unknown",
        "uncommitted_changes": bool(_git("status", "--porcelain", "--", "strategies", "server")),
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(("git", "-C", str(ROOT), *arguments), capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """This thread, and the processes and threads that it starts inside, keep to ``cores``."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def ratio(plain: float | None, ours: float | None) -> float | None:
    """Plain divided by ours; None where either was not measured."""
    return round(plain / ours, 3) if plain and ours else None
