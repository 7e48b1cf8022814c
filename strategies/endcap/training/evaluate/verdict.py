"""From ranked lists to numbers: every strategy's metrics, their intervals, segments, and tests of the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from endcap.bundle.events import Array
from endcap.training.baselines.rank import Ranked
from endcap.training.evaluate.beyond import CatalogFacts, beyond_accuracy
from endcap.training.evaluate.fairness import gaps
from endcap.training.evaluate.intervals import bootstrap_means, holm, interval, paired_p_values
from endcap.training.evaluate.metrics import accuracy
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.segments import ATTRIBUTE, Segment, by_family, per_shopper, quality, segments
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
    """By strategy: ``all`` and ``new`` (metrics), ``intervals``, ``segments`` and ``fairness``.

    All strategies are resampled together: they get the same draws, and draws are what takes long.
    """
    found: dict[str, Any] = {name: {"intervals": {}} for name in ranked}
    for question in QUESTIONS:
        asked = Asked.of(holdout, question)
        slates = {name: getattr(lists, question) for name, lists in ranked.items()}
        bounds = _accuracies(found, question, asked, slates, seed)
        for name in ranked:
            found[name][question] |= beyond_accuracy(slates[name][asked.rows], facts)
            found[name]["intervals"][question] = bounds.get(name, {})
    _add_segments(found, [lists.all for lists in ranked.values()], by_family(list(segments(holdout))), seed)
    return found


def _accuracies(
    found: dict[str, Any], question: str, asked: Asked, slates: Mapping[str, Array], seed: int
) -> dict[str, dict[str, list[float]]]:
    """Puts every strategy's means into ``found``; gives their intervals. Nothing of either where nobody is asked."""
    if not len(asked.rows):
        for name in slates:
            found[name][question] = {}
        return {}
    values = {name: asked.values(each) for name, each in slates.items()}
    columns = [(name, metric) for name, metrics in values.items() for metric in metrics]
    low, high = interval(bootstrap_means(np.stack([values[name][metric] for name, metric in columns], axis=1), seed))
    bounds: dict[str, dict[str, list[float]]] = {name: {} for name in slates}
    for place, (name, metric) in enumerate(columns):
        bounds[name][metric] = [float(low[place]), float(high[place])]
    for name, metrics in values.items():
        found[name][question] = {metric: float(each.mean()) for metric, each in metrics.items()}
    return bounds


def _add_segments(
    found: dict[str, Any], slates: Sequence[Array], families: Mapping[str, Sequence[Segment]], seed: int
) -> None:
    """Puts ``segments`` and ``fairness`` of every strategy (slates in the order of ``found``) into ``found``."""
    for one in found.values():
        one |= {"segments": {family: {} for family in families}, "fairness": {"by_attribute": {}, "largest": None}}
    known: dict[int, Array] = {}
    for family, members in families.items():
        for segment in members:
            if id(segment.truth) not in known:  # most segments share one
                known[id(segment.truth)] = per_shopper(slates, segment.truth)
            values = known[id(segment.truth)]
            for one, measured in zip(found.values(), quality(values, segment, seed), strict=False):
                one["segments"][family][segment.label] = measured
        if family.startswith(ATTRIBUTE):
            for one, gap in zip(found.values(), gaps(values[:, :, 0], members, seed), strict=True):
                if gap:
                    one["fairness"]["by_attribute"][family.removeprefix(ATTRIBUTE)] = gap
    for one in found.values():
        by_attribute = one["fairness"]["by_attribute"]
        one["fairness"]["largest"] = max(by_attribute, key=lambda name: by_attribute[name]["gap"], default=None)


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
