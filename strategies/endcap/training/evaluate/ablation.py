"""What each part is worth: the ranker taught anew without one recall source or one group of features, and judged.

Teaching anew is what makes it fair: a ranker that was taught with a column and asked without it would be worse than one
that never had it. What is fitted before the ranker does not change and is fitted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from endcap.bundle.folder import Bundle
from endcap.strategies.tables import Use
from endcap.training.baselines.rank import Ranked
from endcap.training.config import ShopConfig
from endcap.training.errors import ConfigError
from endcap.training.evaluate.bench import Bench
from endcap.training.evaluate.school import School, Trial, lessons_of
from endcap.training.evaluate.verdict import COMPARED, QUESTIONS, Asked, comparisons
from endcap.training.ranker.rows import gathering
from endcap.training.ranker.windows import Window, cut

WHOLE = "nothing left out"
_LEARNED: tuple[Any, ...] = ("trees", {"use": "trees"})


@dataclass(frozen=True)
class Variation:
    without: str
    kind: str
    """``recall source`` or ``feature group``."""
    table: dict[str, Any]
    """The strategy short of that part."""


def ablate(bench: Bench, config: ShopConfig, table: Mapping[str, Any], whole: Ranked) -> list[dict[str, Any]]:
    """For every variation of the strategy ``table``, whose own lists are ``whole``: the metrics, and what it cost.

    Raises ConfigError where there is no ranker that could be taught anew.
    """
    if table["score"] not in _LEARNED:
        raise ConfigError(f"--ablate teaches the ranker anew, but {bench.main!r} scores with {table['score']!r}")
    todo = variations(table, bench.bundle)
    lists, took = {WHOLE: whole}, {}
    with ExitStack() as stack:
        school = School(bench, config, table["hydrate"], lessons_of(stack, bench, config, _windows(bench, config)))
        for done in range(0, len(todo), bench.pool.count):
            some = todo[done : done + bench.pool.count]
            bench.progress(f"leaving out {', '.join(each.without for each in some)}", done, len(todo))
            found = school.lists([Trial(each.table) for each in some])
            for name, (ranked, p50_ms) in zip(map(_name, some), found, strict=True):
                lists[name], took[name] = ranked, p50_ms
    costs = comparisons(bench.holdout, lists, WHOLE, bench.seed)
    return [_row(bench, each, lists[_name(each)], costs[_name(each)], took[_name(each)]) for each in todo]


def variations(table: Mapping[str, Any], bundle: Bundle) -> list[Variation]:
    """``table`` short of each recall source and of each hydrator that the bundle can serve, in turn."""
    booted = gathering(bundle, dict(table))
    stages = {
        "recall": ("recall source", {source.name for source in booted.recall}),
        "hydrate": ("feature group", {hydrator.name for hydrator in booted.hydrate}),
    }
    found = []
    for stage, (kind, served) in stages.items():
        parts = list(table.get(stage, ()))
        for place, part in enumerate(parts):
            name, rest = Use.model_validate(part).name, parts[:place] + parts[place + 1 :]
            if name in served and (rest or stage == "hydrate"):
                found.append(Variation(name, kind, {**table, stage: rest}))
    return found


def _row(bench: Bench, variation: Variation, lists: Ranked, cost: Any, p50_ms: float) -> dict[str, Any]:
    about = {"without": variation.without, "kind": variation.kind, "cost": cost, "p50_ms": p50_ms}
    return about | _means(bench, lists)


def _windows(bench: Bench, config: ShopConfig) -> list[Window]:
    """Those that the bundle's own ranker was taught on: all but the oldest of those that training cuts."""
    return cut(bench.holdout.known, config.training.horizon_days, config.training.windows + 1)[:-1]


def _name(variation: Variation) -> str:
    return f"{variation.kind} {variation.without}"


def _means(bench: Bench, lists: Ranked) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for question in QUESTIONS:
        asked = Asked.of(bench.holdout, question)
        values = asked.values(getattr(lists, question))
        found[question] = {metric: float(values[metric].mean()) for metric in COMPARED if len(asked.rows)}
    return found
