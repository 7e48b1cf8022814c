"""How time and memory grow with the shop: `python -m benchmarks.scale --json out.json`.

Made shops of 10,000, 100,000 and 1,000,000 items (`--items`): a request, start-up, and what a second worker adds.
Training on 1, 5 and 20 million events (`--train`, off by default: hours). Each size is measured in a process of its own
and joins what the JSON file holds already, so that a run can go on another day.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import ALL_CORES
from benchmarks.common import OUT, WORK, machine, on_cores, write_json
from benchmarks.contest import Ours, Request, contest
from benchmarks.made_shop import QUICK_SIZES, Size, made_bundle, made_shop
from benchmarks.searches import searches
from benchmarks.shoppers import shoppers
from endcap.bundle.folder import open_bundle
from endcap.cli._demo.server import served
from endcap.cli._memory import PeakMemory, family, field_kib
from endcap.client import Client

SIZES = {
    "10k": Size(10_000, 10_000, 500_000),
    "100k": Size(100_000, 100_000, 4_000_000),
    "1m": Size(1_000_000, 1_000_000, 10_000_000),
}
TRAININGS = {
    "1m": Size(50_000, 10_000, 1_000_000),
    "5m": Size(50_000, 50_000, 5_000_000),
    "20m": Size(50_000, 200_000, 20_000_000),
}
SEED, SHOPS = 7, WORK / "shops"


def served_at(size: Size, rounds: int, requests: int) -> dict[str, Any]:
    """A shop of this size: requests in this process, then start-up and memory of the server."""
    folder = made_bundle(SHOPS, size, SEED)
    return {**size._asdict(), **requests_at(folder, rounds, requests), **server_at(folder)}


def requests_at(folder: Path, rounds: int, requests: int) -> dict[str, Any]:
    bundle = open_bundle(folder, verify=False)
    ours, users = Ours(bundle), shoppers(bundle, requests, SEED)
    texts = searches(bundle, (rounds + 1) * requests, int(time.time()))
    gc.collect()
    gc.freeze()
    asking = [
        [Request(user, text) for user, text in zip(users, texts[start : start + requests], strict=True)]
        for start in range(0, len(texts), requests)
    ]
    with on_cores({max(os.sched_getaffinity(0))}):
        browsing = contest({"ours": ours}, [[Request(user) for user in users]] * (rounds + 1))["ours"]
        found = {"no_text": browsing.told(), "text": contest({"ours": ours}, asking)["ours"].told()}
    return {**found, "bundle_mib": round(sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 2**20)}


def server_at(folder: Path) -> dict[str, Any]:
    """Seconds to SERVING, one worker, and the Private_Dirty that a second one adds after both have ranked."""
    dirty, seconds = [], 0.0
    for workers in (1, 2):
        begun = time.perf_counter()
        with served(folder, 0, 0, WORK / "scale.log", "--workers", str(workers)) as server:
            seconds = seconds or time.perf_counter() - begun
            _visit(server.address, folder, workers)
            dirty.append(sum(field_kib(pid, "Private_Dirty") for pid in family(server.process.pid)) / 1024)
    return {"start_seconds": round(seconds, 2), "second_worker_mib": round(dirty[1] - dirty[0], 1)}


def _visit(address: str, folder: Path, workers: int) -> None:
    """Connections are spread by the kernel: connect anew until each worker has ranked for two hundred shoppers."""
    bundle = open_bundle(folder, verify=False)
    users = [bundle.users.id(user) for user in shoppers(bundle, 200, SEED)]
    ranked: set[int] = set()
    while len(ranked) < workers:
        with Client(address, options=[("grpc.use_local_subchannel_pool", 1)]) as client:
            ranked.add(client.serving_state().worker_index)
            for user in users:
                client.rank(user_id=user, page_size=20)


def trained_at(size: Size) -> dict[str, Any]:
    """Training as `endcap train` does it, once the tables are read."""
    from endcap.training.config import EventsConfig, ShopConfig
    from endcap.training.train import Stopwatch, train_on

    shop, clock = made_shop(size, SEED), Stopwatch()
    events = EventsConfig.model_construct(path=Path("made"))  # nobody reads it; without events only searches are taught
    config = ShopConfig.model_construct(name=shop.name, events=events)
    out = WORK / "trained" / size.name
    shutil.rmtree(out, ignore_errors=True)
    begun, used = time.perf_counter(), _processor_seconds()
    with PeakMemory() as memory:
        train_on(shop, config, out, _progress(), clock)
    seconds = time.perf_counter() - begun
    shutil.rmtree(out, ignore_errors=True)
    return {
        **size._asdict(),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(_processor_seconds() - used, 1),
        "peak_gib": round(memory.mib / 1024, 2),
        "laps": clock.seconds,
    }


def _processor_seconds() -> float:
    """Of this process and of those that it started and that are done."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _progress() -> Callable[..., None]:
    """Tells every new step once."""
    last = [""]

    def progress(step: str, done: int = 0, total: int = 0) -> None:
        if step != last[0]:
            last[0] = step
            print(f"  {time.strftime('%H:%M:%S')} {step}", flush=True)

    return progress


def apart(work: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """In a process of its own, so that no measurement keeps memory of another's; what it raises is its answer."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(work, *arguments).result()
        except Exception as error:
            return {"failed": f"{type(error).__name__}: {error}"}


@contextmanager
def all_cores() -> Iterator[None]:
    """Processes started inside use as many threads as there are cores, as `endcap train` does."""
    limited = {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}
    for name in limited:
        del os.environ[name]
    os.environ[ALL_CORES] = "1"
    try:
        yield
    finally:
        del os.environ[ALL_CORES]
        os.environ.update(limited)


def growth(found: dict[str, Any]) -> dict[str, Any]:
    """Processor time of a request at 1,000,000 items by that at 10,000; seconds of training for a million events."""
    small, large = (found["served"].get(name) or {} for name in ("10k", "1m"))
    rows = [row for row in found["trained"].values() if row and "seconds" in row]
    return {
        "request_cpu_10k_to_1m": {kind: _grown(small, large, kind) for kind in ("no_text", "text")},
        "training_seconds_a_million": {row["events"]: round(row["seconds"] / row["events"] * 1e6, 1) for row in rows},
    }


def _grown(small: dict[str, Any], large: dict[str, Any], kind: str) -> float | None:
    return round(large[kind]["cpu_ms"] / small[kind]["cpu_ms"], 2) if kind in small and kind in large else None


def main() -> None:
    options, console = _options(), Console()
    found = _kept(options.json)
    for name in options.items:
        console.print(f"{name} items: making the shop, then measuring")
        size = (QUICK_SIZES if options.quick else SIZES)[name]
        found["served"][name] = apart(served_at, size, options.rounds, options.requests) | machine_now()
        _save(options.json, found)
    for name in options.train:
        console.print(f"{name} events: training")
        with all_cores():
            found["trained"][name] = apart(trained_at, TRAININGS[name]) | machine_now()
        _save(options.json, found)
    _save(options.json, found)
    console.print(_table(found))
    console.print(found["growth"])


def machine_now() -> dict[str, Any]:
    return {"machine": machine()}


def _kept(path: Path) -> dict[str, Any]:
    """What earlier runs measured; null where nothing was yet."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {
        "served": {name: kept.get("served", {}).get(name) for name in SIZES},
        "trained": {name: kept.get("trained", {}).get(name) for name in TRAININGS},
    }


def _save(path: Path, found: dict[str, Any]) -> None:
    found["growth"] = growth(found)
    write_json(path, found)


def _table(found: dict[str, Any]) -> Table:
    table = Table(title="By size", title_justify="left")
    for heading in ("what", "p50 ms", "text p50 ms", "processor ms", "start s", "second worker MiB"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for name, row in found["served"].items():
        if row and "no_text" in row:
            cells = (row["no_text"]["p50_ms"], row["text"]["p50_ms"], row["no_text"]["cpu_ms"])
            last = (row["start_seconds"], row["second_worker_mib"])
            table.add_row(f"{name} items", *(f"{each:.2f}" for each in (*cells, *last)))
    for name, row in found["trained"].items():
        if row and "seconds" in row:
            table.add_row(f"trained on {name} events: {row['seconds']:.0f} s, {row['peak_gib']:.1f} GiB")
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=OUT / "scale.json", help="joined with what it holds already")
    items, train = _named(SIZES), _named(TRAININGS)
    parser.add_argument("--items", type=items, default=[*SIZES], help="of 10k, 100k, 1m; empty: none")
    parser.add_argument("--train", type=train, default=[], help="of 1m, 5m, 20m events")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=60, help="requests a round")
    parser.add_argument("--quick", action="store_true", help="10,000 and 100,000 items, few requests, no training")
    options = parser.parse_args()
    if options.quick:
        options.items, options.train, options.rounds, options.requests = [*QUICK_SIZES], [], 3, 30
    return options


def _named(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    """What reads an option: known names with commas between them."""

    def read(text: str) -> list[str]:
        names = [*filter(None, text.split(","))]
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: expected some of {', '.join(known)}")
        return names

    return read


if __name__ == "__main__":
    main()
