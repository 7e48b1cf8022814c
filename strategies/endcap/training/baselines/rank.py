"""The best of a baseline's scores for each shopper, a block of shoppers at a time, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.training.baselines.contract import NEVER, Scores
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.truth import NOTHING

BLOCK_CELLS = 6_000_000
"""Shoppers times items scored at once: 24 MB a matrix."""


class Ranked(NamedTuple):
    """Ranked lists, one row a shopper of a holdout: int32[rows, depth], NOTHING where a list ends early."""

    all: Array
    new: Array
    """Without what the shopper bought before."""


def rank(scores: Scores, holdout: Holdout, rows: Array, depth: int) -> Ranked:
    """For these rows of the holdout (row numbers)."""
    blocks = list(_blocks(scores, holdout, rows, depth))
    empty = np.empty((0, depth), np.int32)
    return Ranked(*(np.concatenate([empty, *parts]) for parts in (zip(*blocks, strict=True) if blocks else ((), ()))))


def _blocks(scores: Scores, holdout: Holdout, rows: Array, depth: int) -> Iterator[Ranked]:
    height = max(1, BLOCK_CELLS // max(len(holdout.known.item_ids), 1))
    for start in range(0, len(rows), height):
        block = rows[start : start + height]
        values = scores(holdout.users[block])
        ranked = best(values, depth)
        for place, row in enumerate(block):
            values[place, holdout.bought(int(row))] = NEVER
        yield Ranked(ranked, best(values, depth))


def best(scores: Array, depth: int) -> Array:
    """int32[rows, depth]: the columns of the highest scores of each row, ties by column; NaN counts as NEVER."""
    scores = np.where(np.isnan(scores), NEVER, scores)
    width = min(depth, scores.shape[1])
    found = np.full((len(scores), depth), NOTHING, np.int32)
    if not width:
        return found
    columns = np.sort(np.argpartition(-scores, width - 1, axis=1)[:, :width], axis=1)
    values = np.take_along_axis(scores, columns, 1)
    order = np.argsort(-values, axis=1, kind="stable")
    values = np.take_along_axis(values, order, 1)
    found[:, :width] = np.where(values > NEVER, np.take_along_axis(columns, order, 1), NOTHING)
    return found
