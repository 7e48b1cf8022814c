"""BentoML, over gRPC by its Service of runners where the installed release still has one (below 1.4 it does)."""

from __future__ import annotations

import os
from pathlib import Path

import bentoml

import benchmarks.one_thread  # noqa: F401  (before numpy)
from benchmarks.ranker_service import ranker_of

BUNDLE, PIPELINE = os.environ["RANK_BUNDLE"], os.environ["RANK_PIPELINE"]


@bentoml.service(workers=int(os.environ["RANK_WORKERS"]), traffic={"timeout": 60})
class Ranking:
    def __init__(self) -> None:
        self.rank = ranker_of(Path(BUNDLE), PIPELINE)
