"""What is at hand while judging, and the strategies' lists for everyone who is asked about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from endcap.bundle.folder import Bundle
from endcap.training.baselines.rank import Ranked
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.questions import Translation, questions
from endcap.training.evaluate.ranking import Lists, Opening, rank
from endcap.training.parallel import Workers
from endcap.training.progress import Progress
from endcap.training.train import Stopwatch


@dataclass(frozen=True)
class Bench:
    holdout: Holdout
    bundle: Bundle
    main: str
    """The bundle's default strategy, with which the others are compared."""
    pool: Workers
    scratch: Path
    """A folder that is removed in the end."""
    progress: Progress
    clock: Stopwatch
    seed: int


def strategy_lists(bench: Bench, opening: Opening) -> tuple[dict[str, Ranked], dict[str, Any]]:
    """Every strategy's lists in the shop's numbers, and what serving them was like."""
    translation = Translation.between(bench.holdout.known, opening.bundle())
    asked = questions(bench.holdout, translation, np.arange(len(bench.holdout.users)))
    every, new = rank(bench.pool, opening, asked), rank(bench.pool, opening, asked, new=True)
    lists = {
        name: Ranked(translation.slates(every.slates[name]), translation.slates(new.slates[name]))
        for name in opening.tables
    }
    return lists, _served(every, new)


def _served(every: Lists, new: Lists) -> dict[str, Any]:
    degradations: Counter[str] = every.degradations + new.degradations
    return {
        "p50_ms": {name: float(np.median(seconds) * 1000) for name, seconds in every.seconds.items() if len(seconds)},
        "degradations": dict(degradations.most_common()),
    }
