"""From what an item says of itself to a factor: for items that nobody has met yet, and few have.

The factor of an item without events is what an item like it can be expected to have: a ridge regression from the text
embedding, and on top of it what the item's groups (brand, department, ..., line, title) have in common, each shrunk
towards the level above it. After Gantner et al., "Learning Attribute-to-Feature Mappings for Cold-Start
Recommendations", ICDM 2010; the nested means are empirical Bayes as in Efron and Morris, 1975.

Three things decide whether such an item is ever seen. Items that never sold count as zeros, since a group with many of
them promises little. Lengths are damped before they are averaged, or one best seller lends its fame to every sibling.
And the lengths that come out are scaled until newcomers hold a set share of the places in shoppers' lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple, Self

import numpy as np
from scipy.sparse import csr_matrix

from endcap.bundle.events import Array
from endcap.strategies.compiled import compiled

LEVELS = ("brand", "department", "aisle", "category", "line", "title")
"""Groups of the catalog, each shrunk towards what those before it say."""
DAMPINGS = (0.25, 0.5)
"""A factor's length is raised to this power before it is averaged: 1 leaves it, 0 makes all of them alike."""
PENALTIES = (3.0, 30.0, 300.0)
"""Those of the regression that are tried, with each damping."""
SHRINK = 5.0
"""So many items of a group weigh as much as the level above it."""
HELD_SHARE, JUDGES = 0.1, 1000
"""Items held out to choose by, and shoppers whose purchases of them are looked for."""
DEPTH = 20
BLOCK = 128
HIGHEST = 3.0


@dataclass(frozen=True)
class Described:
    """What n items say of themselves."""

    vectors: Array
    """float32[texts, d], unit length; d may be 0."""
    texts: Array
    """int32[n]: whose text is which."""
    groups: Mapping[str, Array]
    """int32[n] each, -1 where unknown."""


class Settings(NamedTuple):
    damping: float
    penalty: float


def damped(factors: Array, damping: float) -> Array:
    """float64[n, f]: the same directions, with lengths to the power of ``damping``."""
    lengths = np.linalg.norm(factors, axis=1)
    scale = np.where(lengths > 0, np.maximum(lengths, 1e-12) ** (damping - 1.0), 0.0)
    scaled: Array = factors * scale[:, None].astype(np.float64)
    return scaled


def learn(described: Described, targets: Array, rows: Array, penalty: float) -> Array:
    """float32[n, f]: the damped factor that an item like this has, of a length yet to be scaled.

    Fitted on the items ``rows`` (int[r], ascending) of ``targets`` (float64[n, f]).
    """
    return _learnt(described, targets, _Regression.of(described, rows), penalty)


def _learnt(described: Described, targets: Array, regression: _Regression, penalty: float) -> Array:
    expected: Array = (regression.inputs @ regression.weights(targets, penalty))[described.texts]
    for name in LEVELS:
        if name in described.groups:
            _shrunk(expected, targets, regression.rows, described.groups[name])
    return expected.astype(np.float32)


@dataclass(frozen=True)
class _Regression:
    """Ridge in closed form over distinct texts, each as often as it has items; what all penalties and targets share."""

    rows: Array  # int[r]: items
    inputs: Array  # float64[texts, d + 1]; the last is constant, and is not penalised
    adder: csr_matrix  # texts by rows
    left: Array  # float64[d + 1, d + 1]

    @classmethod
    def of(cls, described: Described, rows: Array) -> Self:
        texts, count = described.texts[rows], len(described.vectors)
        inputs = np.column_stack([described.vectors.astype(np.float64), np.ones(count)])
        times = np.bincount(texts, minlength=count).astype(np.float64)
        adder = csr_matrix((np.ones(len(rows)), (texts, np.arange(len(rows)))), (count, len(rows)))
        return cls(rows, inputs, adder, inputs.T @ (inputs * times[:, None]))

    def weights(self, targets: Array, penalty: float) -> Array:
        """float64[d + 1, f]"""
        left = self.left.copy()
        left[np.diag_indices(len(left) - 1)] += penalty
        left[-1, -1] += 1e-9  # no items at all: the constant is 0
        weights: Array = np.linalg.solve(left, self.inputs.T @ (self.adder @ targets[self.rows]))
        return weights


def _shrunk(expected: Array, targets: Array, rows: Array, groups: Array) -> None:
    """Move every member of a group by the mean of what is left over in it, shrunk towards 0. In place."""
    members = rows[groups[rows] >= 0]
    if len(members):
        sizes = np.bincount(groups[members], minlength=int(groups.max()) + 1)
        _move(expected, targets, members, groups, sizes + SHRINK)


@compiled
def _move(expected: Array, targets: Array, members: Array, groups: Array, sizes: Array) -> None:
    """``sizes`` (float64[groups]) is what the sum of what is left over in a group is divided by."""
    width = expected.shape[1]
    moves = np.zeros((len(sizes), width))
    for item in members:
        for column in range(width):
            moves[groups[item], column] += targets[item, column] - expected[item, column]
    for group in range(len(sizes)):
        for column in range(width):
            moves[group, column] /= sizes[group]
    for item in range(len(groups)):
        if groups[item] >= 0:
            for column in range(width):
                expected[item, column] += moves[groups[item], column]


class Judges(NamedTuple):
    """Shoppers who went for held-out items: their factors without these, and the (shopper, item) pairs."""

    shoppers: Array
    """float32[s, f]."""
    rows: Array
    """int[p], numbers of judges."""
    items: Array
    """int[p], held-out items."""


def best_settings(described: Described, factors: Array, known: Array, held: Array, judges: Judges) -> Settings:
    """Those by which most of what the judges went for is among the first of the held-out items.

    ``known`` and ``held`` are item numbers, ascending; of ``factors`` (float[n, f]) only the known ones' are looked at.
    Of equals the first wins.
    """
    penalties = PENALTIES if described.vectors.shape[1] else PENALTIES[:1]
    grid = [Settings(*each) for each in product(DAMPINGS, penalties)]
    regression = _Regression.of(described, known)
    targets = {damping: damped(factors, damping) for damping in DAMPINGS}
    found = [_learnt(described, targets[each.damping], regression, each.penalty)[held] for each in grid]
    return grid[int(np.argmax([_quality(each, held, judges) for each in found]))]


def _quality(expected: Array, held: Array, judges: Judges) -> float:
    """The sum over the pairs of 1 / log2(1 + place), 0 beyond DEPTH: which is DCG."""
    total = 0.0
    for start in range(0, len(judges.shoppers) if len(judges.items) else 0, BLOCK):
        scores = judges.shoppers[start : start + BLOCK] @ expected.T
        mine = np.flatnonzero((judges.rows >= start) & (judges.rows < start + BLOCK))
        rows, columns = judges.rows[mine] - start, np.searchsorted(held, judges.items[mine])
        best = np.sort(np.partition(scores, -min(DEPTH, len(held)), axis=1)[:, -DEPTH:], axis=1)
        places = 1 + (best[rows] > scores[rows, columns][:, None]).sum(axis=1)
        total += float((1.0 / np.log2(1.0 + places[places <= DEPTH])).sum())
    return total


def scale_for(own: Array, newcomers: Array, share: float) -> float:
    """By how much scores of newcomers are multiplied so that they hold ``share`` of the places.

    ``own`` and ``newcomers`` are the DEPTH best scores (float[s, DEPTH], at least 0) that each of s shoppers has for
    items with events, and for newcomers. Where there are too few newcomers for that share, the best of them are
    HIGHEST times as high as the best of the others; where there are none, 0.
    """
    highest = newcomers.max(axis=1, initial=0.0).mean() if len(newcomers) else 0.0
    if not highest > 0:
        return 0.0
    high = HIGHEST * float(own.max(axis=1).mean() / highest)
    low = high * 1e-6
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if _places(own, newcomers * middle) < share else (low, middle)
    return low


def _places(own: Array, newcomers: Array) -> float:
    """The share of the DEPTH best of both that newcomers hold."""
    both = np.concatenate([own, newcomers], axis=1)
    floor = np.partition(both, both.shape[1] - DEPTH, axis=1)[:, both.shape[1] - DEPTH]
    above = np.count_nonzero((newcomers >= floor[:, None]) & (newcomers > 0), axis=1)
    return float(above.mean() / DEPTH)
