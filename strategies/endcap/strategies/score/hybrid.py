"""Trees over all candidates, then a second look at the best of them by BERT.

The two are fused by weights that training learned, on shoppers from whom neither had learned. The fusion decides the
order of the best only: the first of them takes the highest of the scores that the trees gave to these items, the second
the next, and so on. So they stay above all others, and scores keep the trees' units and spread, on which boosts,
variety and calibration rest.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, BundleError
from endcap.strategies.batch import SCORE, Candidates
from endcap.strategies.contract import Query, Settings
from endcap.strategies.reasons import BOOST
from endcap.strategies.score.trees import Trees, TreesConfig
from endcap.strategies.text.cross import PART, CrossEncoder, read_fusions
from endcap.strategies.text.pairs import Pairs
from endcap.strategies.text.runtime import runtime_of

MATCHES, ALIKE = "text.query_cosine", "text.profile_cosine"
"""The columns whose reasons speak for BERT as well: that the item answers the search, that it is like the shopper's."""
ROUNDING = 1e-4


class HybridConfig(Settings):
    model: str = "ranker"
    """The bundle part that holds the trees."""
    bert: str = PART
    """The bundle part that holds the BERT ranker."""
    top: int = Field(default=20, ge=2, le=100)
    """So many of the trees' best are looked at again."""


class Hybrid:
    Config = HybridConfig

    def __init__(self, config: HybridConfig, bundle: Bundle) -> None:
        if not bundle.has(config.bert):
            raise BundleError(
                f"bundle {bundle.folder} was trained without a BERT ranker (it has no part {config.bert!r}), which "
                'score = "hybrid" needs: train it with [bert] train = true in shop.toml, or take score = "trees"'
            )
        part = bundle.part(config.bert)
        self.top = config.top
        self.trees = Trees(TreesConfig(model=config.model), bundle)
        self.requires = self.trees.requires
        self.pairs = Pairs.open(part, bundle)
        self.encoder = CrossEncoder.open(part, runtime_of(bundle).device)
        self.fusions = read_fusions(part)

    def score(self, query: Query, candidates: Candidates) -> Array:
        return self.trees.score(query, candidates)

    def rescore(self, query: Query, candidates: Candidates, scores: Array) -> Array:
        """The scores of the best, handed out among them anew. A request whose kind of pair BERT was not taught, or that
        says nothing to pair an item with, keeps the order of the trees."""
        kind = self.pairs.kind_of(query)
        fusion = self.fusions.get(kind) if kind else None
        rows = best(scores, candidates.items, self.top)
        if fusion is None or len(rows) < 2:
            return scores
        logits = self.encoder.logits(self.pairs.of(query, candidates.items[rows]))
        return handed_out(scores, rows, fusion(scores[rows], logits))

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        """The trees' own; and what an item gained or lost by BERT counts towards the likeness of texts."""
        parts = self.trees.contributions(query, candidates)
        column = MATCHES if query.text else ALIKE
        if SCORE in candidates.names and column in self.requires:
            parts[:, self.requires.index(column)] += self._moved(query, candidates)
        return parts

    def _moved(self, query: Query, candidates: Candidates) -> Array:
        """float32[n]: how far BERT moved each final score."""
        moved: Array = candidates.matrix([SCORE])[:, 0] - np.nan_to_num(candidates.matrix([BOOST])[:, 0])
        moved = moved - self.score(query, candidates)
        return np.where(np.abs(moved) > ROUNDING, moved, 0.0).astype(np.float32)


def best(scores: Array, items: Array, top: int) -> Array:
    """int64[k]: row numbers of the ``top`` highest scores, falling, ties by item number; none that could not be
    scored."""
    rows = np.lexsort((items, -np.nan_to_num(scores, nan=-np.inf)))[:top]
    found: Array = rows[np.isfinite(scores[rows])]
    return found


def handed_out(scores: Array, rows: Array, fused: Array) -> Array:
    """float32[n]: ``scores`` with those of ``rows`` (falling) given to the same rows in the order of ``fused``."""
    changed = scores.copy()
    changed[rows[np.argsort(-fused, kind="stable")]] = falling(scores[rows])
    return changed


def falling(scores: Array) -> Array:
    """float32[n]: equal neighbours told apart, by the smallest step upwards that there is."""
    apart = scores.copy()
    for place in range(len(apart) - 2, -1, -1):
        if apart[place] <= apart[place + 1]:
            apart[place] = np.nextafter(apart[place + 1], np.float32(np.inf))
    return apart
