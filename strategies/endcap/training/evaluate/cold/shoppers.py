"""Hidden shoppers: what is worth knowing of someone who never came before, against what everyone buys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from endcap.training.evaluate.bench import Bench
from endcap.training.evaluate.cold.asked import (
    ATTRIBUTES,
    FIRST_ITEM,
    NOTHING,
    PAGE,
    HiddenShopper,
    query_about,
    without_first,
)
from endcap.training.evaluate.cold.measures import compared, measured, summary
from endcap.training.evaluate.questions import Translation
from endcap.training.evaluate.ranking import Opening, rank

STRATEGIES = {NOTHING: "cold_start", ATTRIBUTES: "cold_start", PAGE: "cold_start", FIRST_ITEM: "session"}
"""What a server takes for each, where the request names no strategy."""
POPULAR = "popular"


def judge_shoppers(bench: Bench, asked: list[HiddenShopper], opening: Opening) -> dict[str, Any]:
    """By what is known: the strategy's numbers, those of ``popular`` for the same shoppers, and the difference."""
    return {known: judge_one(bench, asked, opening, known) for known in STRATEGIES}


def judge_one(bench: Bench, asked: list[HiddenShopper], opening: Opening, what: str) -> dict[str, Any]:
    translation = Translation.between(bench.holdout.known, bench.bundle)
    truth = without_first(bench.holdout, asked)
    queries = [query_about(each, what, bench.holdout, translation) for each in asked]
    rows = np.array([n for n, query in enumerate(queries) if query is not None and truth.sizes[n]], np.int64)
    strategy = STRATEGIES[what]
    if not len(rows) or strategy not in opening.tables:
        return {"shoppers": 0, "strategy": strategy}
    told = [query for row in rows if (query := queries[row]) is not None]
    two = replace(opening, tables={name: opening.tables[name] for name in (strategy, POPULAR)})
    slates = rank(bench.pool, two, told).slates
    values = {name: measured(translation.slates(each), truth.take(rows)) for name, each in slates.items()}
    return {
        "shoppers": len(rows),
        "strategy": strategy,
        "methods": {name: summary(each, bench.seed) for name, each in values.items()},
        "against_popular": compared(values[strategy], values[POPULAR], bench.seed),
    }
