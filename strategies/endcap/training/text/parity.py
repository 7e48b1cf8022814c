"""How near an exported encoder comes to the model it was made from, and the texts to see that on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from endcap.strategies.text.info import Parity

Vectors = npt.NDArray[np.float32]

LEAST_COSINE = 0.99
LEAST_OVERLAP = 0.90
NEIGHBOURS = 10
SAMPLE = 500
LEAST_SAMPLE = 100


def passes(parity: Parity) -> bool:
    return parity.cosine >= LEAST_COSINE and parity.neighbour_overlap >= LEAST_OVERLAP


def measure(exact: Vectors, exported: Vectors) -> Parity:
    """Both float32[n, d], unit length, row by row of the same texts; n at least 2."""
    cosine = float(np.mean(np.sum(exact * exported, axis=1)))
    return Parity(cosine=round(cosine, 4), neighbour_overlap=round(_overlap(exact, exported), 4), texts=len(exact))


def sample_texts(texts: Sequence[str]) -> list[str]:
    """At most 500 of the shop's own distinct texts, filled up with made-up ones where it has few."""
    distinct = [text for text in dict.fromkeys(texts) if text.strip()]
    if len(distinct) < LEAST_SAMPLE:
        return list(dict.fromkeys([*distinct, *_made_up()]))
    rows = np.random.default_rng(0).permutation(len(distinct))[:SAMPLE]
    return [distinct[row] for row in sorted(rows)]


def _overlap(exact: Vectors, exported: Vectors) -> float:
    """Mean share of the exported top ten that are as near, by the exact cosines, as the exact tenth."""
    truth, found = exact @ exact.T, exported @ exported.T
    np.fill_diagonal(truth, -np.inf)
    np.fill_diagonal(found, -np.inf)
    count = min(NEIGHBOURS, len(exact) - 1)
    tenth = np.partition(truth, -count, axis=1)[:, -count]
    nearest = np.argpartition(found, -count, axis=1)[:, -count:]
    return float(np.mean(np.take_along_axis(truth, nearest, 1) >= tenth[:, None] - 1e-6))


def _made_up() -> list[str]:
    things = (
        "whole milk, salted butter, ground coffee, green tea, orange juice, sparkling water, wheat bread, long grain "
        "rice, olive oil, tomato soup, frozen peas, cheddar cheese, chicken breast, smoked salmon, dark chocolate, "
        "potato chips, dog food, paper towels, laundry detergent, shampoo, toothpaste, running shoes, rain jacket, "
        "cotton t-shirt, desk lamp, office chair, wireless mouse, laptop computer, smart watch, phone case"
    )
    kinds = ("{}", "organic {}", "{} family pack", "{} for children, small", "best {} under 20")
    return [kind.format(thing) for thing in things.split(", ") for kind in kinds]
