"""How good an encoder is at what the shop's customers do next: the score that early stopping goes by."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from endcap.bundle.events import Array
from endcap.training.text.finetune.device import exactly
from endcap.training.text.finetune.pairs import Pairs
from endcap.training.text.finetune.tokens import Reader
from endcap.training.text.model import PooledEncoder

ASKED = 400
OTHERS = 600
LEAST_ASKED = 20
"""With fewer pairs to ask about, the score would mostly be chance."""


class Judge:
    """Mean reciprocal rank of what a pair's anchor went with, among the positives of all that is asked and other items.

    Pairs are drawn once, so that scores of one judge compare.
    """

    def __init__(self, pairs: Pairs, seed: int) -> None:
        """``pairs`` are of a time that nothing was learned from."""
        random = np.random.default_rng([seed, len(pairs)])
        anchors, positives = pairs.draw(ASKED, random)
        others = random.choice(pairs.item_texts, min(OTHERS, pairs.item_texts), replace=False)
        self.pool, self.own = np.unique(np.concatenate([positives, others]), return_inverse=True)
        self.own = self.own[: len(anchors)]
        self.same: Array = self.pool == anchors[:, None]
        self.anchors = [pairs.texts[row] for row in anchors]
        self.candidates = [pairs.texts[row] for row in self.pool]

    def score(self, reader: Reader, network: PooledEncoder) -> float:
        vectors = reader.all_vectors(network, self.anchors + self.candidates)
        return self.reciprocal_ranks(vectors[: len(self.anchors)], vectors[len(self.anchors) :])

    def reciprocal_ranks(self, anchors: Tensor, candidates: Tensor) -> float:
        """Mean, of float32[asked, d] among float32[pool, d]; an anchor itself is no candidate."""
        with exactly(anchors.device):
            cosines = (anchors @ candidates.T).cpu().masked_fill(torch.from_numpy(self.same), -2)
        own = cosines.gather(1, torch.from_numpy(self.own)[:, None])
        # Half of those as near stand before it: else an encoder to which all texts are one would be the best.
        ranks = 1 + (cosines > own).sum(1) + ((cosines == own).sum(1) - 1) / 2
        return float((1 / ranks).mean())


def judge_of(pairs: Pairs, seed: int) -> Judge | None:
    """None where there are too few pairs to judge by."""
    return Judge(pairs, seed) if len(pairs) >= LEAST_ASKED else None
