"""A bundle of a few dozen items, made in milliseconds, and a plugin whose components do what a test needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from endcap.bundle.columns import BoolColumn, Column, ListColumn, NumberColumn, StringColumn
from endcap.bundle.events import Events, Histories
from endcap.bundle.ids import IdIndex
from endcap.bundle.manifest import Clock, Manifest
from endcap.bundle.strings import StringTable
from endcap.bundle.writer import BundleWriter

ITEMS = 60
USERS = 5
DAY = 86_400
DATA_START = 1_483_228_800  # 2017-01-01
DATA_END = DATA_START + 100 * DAY + 1
EVENT_WEIGHTS = {"view": 1.0, "purchase": 4.0, "wish": 5.0}

STRATEGIES = """
[strategies.steady]
description = "Items in the order of their numbers."
recall = [{ use = "test_steady", limit = 50 }, { use = "popular", limit = 10 }]
hydrate = ["test_facts"]
score = "by_source"
select = "top_k"

[strategies.shuffled]
recall = [{ use = "test_steady", limit = 50 }]
score = "shuffle"
select = "top_k"

[strategies.failing]
recall = [{ use = "test_failing", limit = 50 }, { use = "test_steady", limit = 50 }]
score = "by_source"
select = "top_k"

[strategies.gated]
recall = [{ use = "test_gated", limit = 50 }]
score = "by_source"
select = "top_k"

[strategies.broken]
recall = [{ use = "test_steady", limit = 50 }]
filter = ["test_broken"]
score = "by_source"
select = "top_k"
"""

ENTRY_POINTS = """
[endcap.recall]
test_steady = endcap_test_parts:Steady
test_failing = endcap_test_parts:Failing
test_gated = endcap_test_parts:Gated
[endcap.hydrate]
test_facts = endcap_test_parts:Facts
[endcap.filter]
test_broken = endcap_test_parts:Broken
"""


def write_bundle(out: Path, clock: Clock | None = None) -> Path:
    """The folder of a new bundle below ``out``. Items i0 to i59, shoppers u0 to u4; i7 cannot be bought."""
    manifest = Manifest(
        version="",
        created="2026-01-02T03:04:05+00:00",
        shop="tiny",
        clock=clock or Clock(),
        data_start=DATA_START,
        data_end=DATA_END,
        horizon_days=28,
        goal_types=["purchase"],
        event_weights=EVENT_WEIGHTS,
        counts={"items": ITEMS, "users": USERS},
        metrics={"strategies": {"steady": {"ndcg@10": 0.5}}},
        default_strategy="steady",
    )
    with BundleWriter(out) as writer:
        _catalog(writer)
        writer.part("users").arrays(IdIndex.of(f"u{u}" for u in range(USERS)).arrays("ids"))
        writer.part("histories").histories(histories())
        scores = np.linspace(1, 0, 10, dtype=np.float32)
        writer.part("popular").arrays({"items": np.arange(10, 20, dtype=np.int32), "scores": scores})
        return writer.seal(manifest)


def _catalog(writer: BundleWriter) -> None:
    part = writer.part("catalog")
    columns: dict[str, Column] = {
        "brand": StringColumn.of("Acme" if n % 2 else None for n in range(ITEMS)),
        "available": BoolColumn.of(n != 7 for n in range(ITEMS)),
        "categories": ListColumn.of(["food", "tea"] if n % 3 else ["food"] for n in range(ITEMS)),
    }
    part.arrays(IdIndex.of(f"i{n}" for n in range(ITEMS)).arrays("ids"))
    part.arrays(StringTable.of(f"Item {n}" for n in range(ITEMS)).arrays("titles"))
    part.json("columns", {name: column.kind for name, column in columns.items()} | {"price": "number"})
    for name, column in columns.items():
        part.arrays(column.arrays(f"column.{name}"))
    part.arrays({f"group.{name}": np.arange(ITEMS, dtype=np.int32) for name in ("title", "brand", "category")})
    part.array("group.department", np.zeros(ITEMS, np.int32))
    part.array("texts", np.arange(ITEMS, dtype=np.int32))
    writer.part("items").arrays(NumberColumn.of(float(n) for n in range(ITEMS)).arrays("column.price"))


def histories() -> Histories:
    """Shopper u bought items u, u + 1, … one each ten days; u4 never did anything."""
    users = np.repeat(np.arange(4, dtype=np.int32), 10)
    turn = np.tile(np.arange(10), 4)
    log = Events(
        items=(users + turn).astype(np.int32),
        times=(DATA_START + turn * 10 * DAY).astype(np.int64),
        weights=np.full(40, 4.0, np.float32),
        goals=np.ones(40, np.bool_),
        quantities=np.ones(40, np.float32),
        values=np.full(40, 2.5, np.float32),
        baskets=np.arange(40, dtype=np.int64),
    )
    return Histories.of_log(users, log, USERS)


def write_plugin(folder: Path) -> Path:
    """``folder`` as an entry of PYTHONPATH that holds the test components as an installed distribution."""
    info = folder / "endcap_test_parts-0.0.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: endcap-test-parts\nVersion: 0.0.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    shutil.copy(Path(__file__).with_name("parts.py"), folder / "endcap_test_parts.py")
    return folder


def write_strategies(folder: Path) -> Path:
    path = folder / "strategies.toml"
    path.write_text(STRATEGIES)
    return path
