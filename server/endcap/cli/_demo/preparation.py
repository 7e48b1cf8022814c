"""The demo's bundle: tables written, a bundle trained on them, both kept for the next time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from endcap.cli._bars import Bars
from endcap.cli._console import notices
from endcap.cli._errors import refuse
from endcap.cli._summary import print_summary
from endcap.cli._training import require_training, run_training

CODE = ("endcap.bundle", "endcap.strategies", "endcap.training")
"""Packages whose source decides what a training makes."""


class Prepared(NamedTuple):
    bundle: Path
    trained: bool
    """Trained just now; False where an earlier run's bundle is used again."""
    record: dict[str, Any]
    """Of the training: training_seconds, peak_memory_mib."""


def prepare(work: Path, config: Path | None, console: Console) -> Prepared:
    """The bundle of ``config`` (None: of the demo's own shop), trained where ``work`` has none that is still right."""
    require_training()
    config = config or write_tables(work / "tables")
    key = fingerprint(config)
    if found := _kept(work, key):
        console.print(f"Using the bundle of an earlier run in {work}: same configuration, tables and code.")
        return found
    outcome = run_training(config, work / "bundles")
    print_summary(console, outcome)
    record = {"training_seconds": round(outcome.seconds, 1), "peak_memory_mib": round(outcome.peak_mib)}
    folder = outcome.trained.folder
    _write(work / "trained.json", {"key": key, "bundle": folder.name, **record})
    return Prepared(folder, True, record)


def write_tables(folder: Path) -> Path:
    """The demo shop's shop.toml, written with its tables unless they are there."""
    from endcap.training.demo.completejourney import write_completejourney
    from endcap.training.errors import TrainingInputError

    try:
        with Bars(notices()) as bars:
            return write_completejourney(folder, bars)
    except TrainingInputError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename or folder}: {error.strerror or error}")


def fingerprint(config: Path) -> str:
    """Names what a training on ``config`` would make: another configuration, table or line of code changes it."""
    from endcap.bundle.manifest import FORMAT_VERSION
    from endcap.training.config import load_config
    from endcap.training.errors import TrainingInputError

    try:
        shop = load_config(config)
    except TrainingInputError as error:
        refuse(str(error))
    tables = [table.path for table in (shop.events, shop.items, shop.users, shop.item_periods) if table]
    tables += [shop.search.judgments] if shop.search.judgments else []
    digest = hashlib.sha256(str(FORMAT_VERSION).encode())
    for path in [config, *tables, *_sources()]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for package in CODE:
        folder = Path(str(files(package)))
        yield from sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".toml"))


def _kept(work: Path, key: str) -> Prepared | None:
    record = read_json(work / "trained.json")
    folder = work / "bundles" / str(record.pop("bundle", ""))
    if record.pop("key", "") == key and (folder / "bundle.json").is_file():
        return Prepared(folder, False, record)
    return None


def read_json(path: Path) -> dict[str, Any]:
    """What is in ``path``; empty where it is missing or no JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def note_first_rankings(work: Path, prepared: Prepared, seconds: float) -> None:
    """Keep how long this run took to its first rankings, for `make bench`."""
    path = work / "demo.json"
    kind = "with_training" if prepared.trained else "from_kept_bundle"
    entry = {"first_rankings_seconds": round(seconds, 1), "bundle": prepared.bundle.name, **prepared.record}
    _write(path, {**read_json(path), kind: entry})


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
