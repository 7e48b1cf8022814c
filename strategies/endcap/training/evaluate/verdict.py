"""From ranked lists to numbers: every strategy's metrics, their intervals, segments, and tests of the differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from endcap.bundle.events import Array
from endcap.training.baselines.rank import Ranked
from endcap.training.evaluate.beyond import CatalogFacts, beyond_accuracy
from endcap.training.evaluate.intervals import bootstrap_means, holm, interval, paired_p_values
from endcap.training.evaluate.metrics import accuracy
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.segments import Segment, by_family, largest_gap, quality, segments
from endcap.training.evaluate.truth import Truth

QUESTIONS = ("all", "new")
COMPARED = ("ndcg@10", "recall@20")


@dataclass(frozen=True)
class Asked:
    """One question: the rows of the holdout that it is asked of, and what was true of them."""

    rows: Array
    truth: Truth

    @staticmethod
    def of(holdout: Holdout, question: str) -> Asked:
        truth = holdout.truth if question == "all" else holdout.new
        rows = np.flatnonzero(holdout.regulars & (truth.sizes > 0))
        return Asked(rows, truth.take(rows))

    def values(self, slates: Array) -> dict[str, Array]:
        """float64[len(rows)] by metric."""
        return accuracy(self.truth.hits(slates[self.rows]), self.truth.sizes)


def verdict(holdout: Holdout, ranked: Mapping[str, Ranked], facts: CatalogFacts, seed: int) -> dict[str, Any]:
    """By strategy: ``all`` and ``new`` (metrics), ``intervals``, ``segments`` and ``fairness``."""
    asked = {question: Asked.of(holdout, question) for question in QUESTIONS}
    families = by_family(list(segments(holdout)))
    return {name: _of_one(lists, asked, families, facts, seed) for name, lists in ranked.items()}


def _of_one(
    lists: Ranked, asked: Mapping[str, Asked], families: Mapping[str, list[Segment]], facts: CatalogFacts, seed: int
) -> dict[str, Any]:
    found: dict[str, Any] = {"intervals": {}}
    for question, one in asked.items():
        slates: Array = getattr(lists, question)
        values = one.values(slates)
        found[question] = {name: float(each.mean()) for name, each in values.items() if len(one.rows)}
        found[question] |= beyond_accuracy(slates[one.rows], facts)
        found["intervals"][question] = _intervals(values, seed) if len(one.rows) else {}
    return found | _segments(lists.all, families, seed)


def _intervals(values: Mapping[str, Array], seed: int) -> dict[str, list[float]]:
    low, high = interval(bootstrap_means(np.stack(list(values.values()), axis=1), seed))
    return {name: [float(a), float(b)] for name, a, b in zip(values, low, high, strict=True)}


def _segments(slates: Array, families: Mapping[str, list[Segment]], seed: int) -> dict[str, Any]:
    found = {
        family: {each.label: measured for each in members if (measured := quality(slates, each, seed))}
        for family, members in families.items()
    }
    gaps = {
        family.removeprefix("attribute: "): gap
        for family, members in families.items()
        if family.startswith("attribute: ") and (gap := largest_gap(slates, members, seed))
    }
    widest = max(gaps, key=lambda name: gaps[name]["gap"], default=None)
    return {"segments": found, "fairness": {"by_attribute": gaps, "largest": widest}}


def comparisons(holdout: Holdout, ranked: Mapping[str, Ranked], reference: str, seed: int) -> dict[str, Any]:
    """What ``reference`` is ahead of every other strategy, by question: the mean difference, its interval, and the
    p-value of a paired test, adjusted for the number of strategies compared with."""
    others = [name for name in ranked if name != reference]
    found: dict[str, Any] = {name: {} for name in others}
    for question in QUESTIONS:
        asked = Asked.of(holdout, question)
        if not len(asked.rows) or not others:
            continue
        values = {name: asked.values(getattr(lists, question)) for name, lists in ranked.items()}
        for metric in COMPARED:
            own = values[reference][metric]
            differences = np.stack([own - values[name][metric] for name in others], axis=1)
            low, high = interval(bootstrap_means(differences, seed))
            p = holm(paired_p_values(differences, seed))
            for place, name in enumerate(others):
                found[name].setdefault(question, {})[metric] = {
                    "difference": float(differences[:, place].mean()),
                    "interval": [float(low[place]), float(high[place])],
                    "p": float(p[place]),
                }
    return found
