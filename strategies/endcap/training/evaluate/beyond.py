"""What accuracy does not see: how much of the catalog is shown, how much of it is news, how alike the items are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endcap.bundle.events import Array
from endcap.training.evaluate.metrics import CUTS
from endcap.training.evaluate.truth import NOTHING
from endcap.training.shop import Shop

HEAD_SHARE = 0.8
"""The head are the fewest items that together have this share of the earlier events; the rest are the long tail."""


@dataclass(frozen=True)
class CatalogFacts:
    """What is known about n items before the window."""

    surprise: Array
    """float64[n]: -log2 of the share of shoppers who went for the item; of nobody's items as if one had in part."""
    tail: Array
    """bool[n]."""
    vectors: Array | None = None
    """float32[texts, d], unit length: what the items' texts mean. None without a text model."""
    text_numbers: Array | None = None
    """int32[n]: which of these is the item's, -1 where none is."""

    @staticmethod
    def of(known: Shop, vectors: Array | None = None, text_numbers: Array | None = None) -> CatalogFacts:
        size = len(known.item_ids)
        goals = known.log.goals
        pairs = np.unique(known.users[goals].astype(np.int64) * size + known.log.items[goals])
        buyers = np.bincount(pairs % size, minlength=size)
        surprise = np.log2(len(known.user_ids) + 1.0) - np.log2(buyers + 1.0)
        counts = np.bincount(known.log.items, minlength=size)
        return CatalogFacts(surprise, ~head(counts), vectors, text_numbers)


def head(counts: Array) -> Array:
    """bool[n]: the fewest items with HEAD_SHARE of all events; ties by number."""
    order = np.lexsort((np.arange(len(counts)), -counts))
    before = np.cumsum(counts[order]) - counts[order]
    inside = np.zeros(len(counts), np.bool_)
    inside[order] = before < HEAD_SHARE * counts.sum()
    return inside


def beyond_accuracy(slates: Array, facts: CatalogFacts, cuts: tuple[int, ...] = CUTS) -> dict[str, float]:
    """At every cut, over all slates (int32[rows, depth]) together:

    ``coverage``: share of the catalog that anybody is shown; ``gini``: 0 where all items are shown equally often, 1
    where one has it all; ``novelty``: mean surprise of what is shown, in bits; ``tail_share``: share of the places that
    go to the long tail; ``diversity``: mean text distance, 1 - cosine, of two items of a slate, NaN without texts.
    """
    values: dict[str, float] = {}
    for k in cuts:
        shown = slates[:, :k]
        items = shown[shown != NOTHING]
        exposure = np.bincount(items, minlength=len(facts.surprise))
        values |= {
            f"coverage@{k}": float(np.count_nonzero(exposure) / max(len(exposure), 1)),
            f"gini@{k}": gini(exposure),
            f"novelty@{k}": _mean(facts.surprise[items]),
            f"tail_share@{k}": _mean(facts.tail[items]),
            f"diversity@{k}": _mean(distances(shown, facts)),
        }
    return values


def gini(exposure: Array) -> float:
    """Of counts (int[n], n > 0): the mean difference of two, relative to twice their mean."""
    total = float(exposure.sum())
    if not total:
        return float("nan")
    size = len(exposure)
    ranks = np.arange(1, size + 1)
    return float(((2 * ranks - size - 1) @ np.sort(exposure)) / (size * total))


def distances(slates: Array, facts: CatalogFacts) -> Array:
    """float64[k]: mean text distance within each slate of two items or more; empty without texts."""
    if facts.vectors is None or facts.text_numbers is None:
        return np.empty(0)
    found = []
    for slate in slates:
        texts = facts.text_numbers[slate[slate != NOTHING]]
        texts = texts[texts >= 0]
        if len(texts) > 1:
            total = facts.vectors[texts].astype(np.float64).sum(axis=0)
            cosine = (total @ total - len(texts)) / (len(texts) * (len(texts) - 1))  # of unit vectors
            found.append(1.0 - cosine)
    return np.array(found)


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")
