"""Components for tests, installed as a plugin by `tiny.write_plugin`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates, Recalled
from endcap.strategies.contract import Feature, Query, ReasonCode, Settings


class Plain(Settings):
    """No parameters."""


class Steady:
    """All items, in the order of their numbers."""

    Config = Plain
    reason = ReasonCode.POPULAR

    def __init__(self, config: Settings, bundle: Bundle) -> None:
        self.count = len(bundle.catalog)

    def recall(self, query: Query, limit: int) -> Recalled:
        items = np.arange(self.count, dtype=np.int32)
        if query.allowed is not None:
            items = items[query.allowed]
        items = items[:limit]
        return Recalled(items, -items.astype(np.float32))


class Failing(Steady):
    """Never succeeds."""

    def recall(self, query: Query, limit: int) -> Recalled:
        raise RuntimeError("a secret of the inside")


class Gated(Steady):
    """Notes each request in the file entered, then waits as long as there is a file closed; both in $TEST_GATE."""

    def recall(self, query: Query, limit: int) -> Recalled:
        gate = Path(os.environ.get("TEST_GATE", "/nonexistent"))
        if gate.is_dir():
            with (gate / "entered").open("a") as file:
                file.write(f"{query.request_id}\n")
            while (gate / "closed").exists():
                time.sleep(0.002)
        return super().recall(query, limit)


class Facts:
    """What a test can ask back about the query, as features."""

    Config = Plain
    provides = (
        Feature("facts.now"),
        Feature("facts.user"),
        Feature("facts.history", ReasonCode.BOUGHT_BEFORE),
        Feature("facts.session"),
        Feature("facts.in_session", ReasonCode.SIMILAR_CONTENT),
    )

    def __init__(self, config: Settings, bundle: Bundle) -> None:
        self.start = bundle.manifest.data_start

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        values = np.empty((len(candidates), 5), np.float32)
        values[:, 0] = (query.now - self.start) / 86_400
        values[:, 1] = query.user
        values[:, 2] = len(query.history)
        values[:, 3] = len(query.session)
        values[:, 4] = np.isin(candidates.items, query.session.items)
        return values


class Broken:
    """Keeps all, unless the search text is "boom"."""

    Config = Plain

    def __init__(self, config: Settings, bundle: Bundle) -> None:
        pass

    def keep(self, query: Query, candidates: Candidates) -> Array:
        if query.text == "boom":
            raise RuntimeError("a secret of the inside")
        return np.ones(len(candidates), np.bool_)
