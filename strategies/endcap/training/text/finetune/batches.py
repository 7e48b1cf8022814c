"""Batches of pairs with their negatives, each drawn from the seed and its own number alone.

So that a run which goes on after an interrupt sees what it would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from endcap.bundle.events import Array
from endcap.training.text.finetune.pairs import Pairs

NONE = -1e4
"""Added to a logit, rules it out."""
MOST_WEIGHT = 4.0


@dataclass(frozen=True)
class Recipe:
    """How batches are made up; what each part is worth is measured in benchmarks/README.md."""

    pairs: int = 64
    uniform: int = 32
    """Further negatives, drawn from all items alike (Yang et al., WWW 2020, section 3.3)."""
    hard: int = 32
    """Further negatives of the positives' own categories, never bought together with the anchor."""
    correction: float = 1.0
    """Strength of the correction for popularity; 0 for none."""
    tail: float = 0.3
    """Pairs weigh by their positive's frequency to the power of minus this, so that rare items count for more."""


@dataclass(frozen=True)
class Batch:
    """One row a pair, one column a text that could have been its positive; both by number of text."""

    anchors: Array
    """int32[pairs]."""
    columns: Array
    """int32[columns]: the pairs' own positives first, in their order."""
    bias: Array
    """float32[pairs, columns], to be added to the logits."""
    weights: Array
    """float32[pairs], of mean 1."""


class Batches:
    """Batch number ``step`` of a seed, for any step."""

    def __init__(self, pairs: Pairs, categories: Array, recipe: Recipe, seed: int) -> None:
        """``categories`` is int32[item_texts], -1 where unknown."""
        self.pairs, self.recipe, self.seed = pairs, recipe, seed
        self.peers = _Peers(categories)
        self.together = _sparse(pairs)
        self.log_odds = np.log(self._expected() + 1e-9)
        rarity = np.maximum(pairs.odds, 1 / (100 * pairs.item_texts)) ** -recipe.tail
        weights = rarity / np.average(rarity, weights=pairs.odds)
        self.weights = np.clip(weights, 1 / MOST_WEIGHT, MOST_WEIGHT)

    def batch(self, step: int) -> Batch:
        random, recipe = np.random.default_rng([self.seed, step]), self.recipe
        anchors, positives = self.pairs.draw(recipe.pairs, random)
        uniform = random.integers(0, self.pairs.item_texts, recipe.uniform)
        hard = self.peers.draw(positives[: recipe.hard], random)
        columns = np.concatenate([positives, uniform, hard]).astype(np.int32)
        return Batch(anchors, columns, self._bias(anchors, columns), self._weights(positives))

    def _bias(self, anchors: Array, columns: Array) -> Array:
        """Minus the log of how often a column is to be expected (Yi et al., RecSys 2019, equation 3: frequent texts are
        negatives more often than they are wrong), and NONE for columns that are no negatives at all."""
        bias = np.tile(-self.recipe.correction * self.log_odds[columns], (len(anchors), 1))
        own = np.arange(len(anchors))
        positives = columns[: len(anchors)]
        no_negative = (columns == positives[:, None]) | (columns == anchors[:, None])
        no_negative[:, len(columns) - self.recipe.hard :] |= self._bought_together(anchors, columns)
        no_negative[own, own] = False
        bias[no_negative] = NONE
        return bias.astype(np.float32)

    def _bought_together(self, anchors: Array, columns: Array) -> Array:
        """bool[pairs, hard]."""
        hard = columns[len(columns) - self.recipe.hard :]
        met: Array = (self.together[anchors] @ self.together[hard].T).toarray() > 0
        return met

    def _weights(self, positives: Array) -> Array:
        weights = self.weights[positives]
        normed: Array = weights / weights.mean()
        return normed.astype(np.float32)

    def _expected(self) -> Array:
        """float64[item_texts]: how often each text is among the columns of a batch, on average."""
        odds, recipe = self.pairs.odds, self.recipe
        uniform = np.full(len(odds), 1 / len(odds))
        expected: Array = recipe.pairs * odds + recipe.uniform * uniform + recipe.hard * self.peers.odds(odds)
        return expected


class _Peers:
    """Texts by category."""

    def __init__(self, categories: Array) -> None:
        self.category = np.where(categories >= 0, categories, categories.max(initial=0) + 1)
        self.order = np.argsort(self.category, kind="stable")
        self.sizes = np.bincount(self.category)
        self.starts = np.cumsum(self.sizes) - self.sizes

    def draw(self, texts: Array, random: np.random.Generator) -> Array:
        """One of each text's category, by lot; where it is alone there, any."""
        category = self.category[texts]
        places = self.starts[category] + (random.random(len(texts)) * self.sizes[category]).astype(np.int64)
        anything = random.integers(0, len(self.order), len(texts))
        drawn: Array = np.where(self.sizes[category] > 1, self.order[places], anything)
        return drawn

    def odds(self, odds: Array) -> Array:
        """float64[texts]: how likely ``draw`` gives each text, for texts drawn by ``odds``."""
        by_category = np.bincount(self.category, odds, minlength=len(self.sizes))
        alone = self.sizes == 1
        shared = np.where(alone, 0, by_category)[self.category] / self.sizes[self.category]
        found: Array = shared + by_category[alone].sum() / len(odds)
        return found


def _sparse(pairs: Pairs) -> csr_matrix:
    """bool[texts, visits]: what was bought in which visit; searches were bought in none."""
    shape = (len(pairs.texts), int(pairs.visits.max(initial=0)) + 1)
    return csr_matrix((np.ones(len(pairs.visits), np.int32), (pairs.visited, pairs.visits)), shape=shape)


def categories_of(texts: int, text_numbers: Array, groups: Array) -> Array:
    """int32[texts]: the category of each text's first item, -1 where unknown."""
    found = np.full(texts, -1, np.int32)
    found[text_numbers[::-1]] = groups[::-1]
    return found
