"""What a random item of the shopper's top category is worth, worked out and not drawn.

Twenty different items drawn evenly from a category of N, of which m are true: how many of them are true follows the
hypergeometric distribution, so every metric's expectation is known exactly.
"""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array, Events


def top_group(events: Events, groups: Array) -> int:
    """The group (numbers int32[items], -1 where unknown) with most of the events' weight; -1 where there is none."""
    of_events = groups[events.items]
    known = of_events >= 0
    if not known.any():
        return -1
    return int(np.argmax(np.bincount(of_events[known], events.weights[known])))


def expected(sizes: Array, members: Array, relevant: Array) -> dict[str, Array]:
    """float64[rows] by metric, of lists of 20 (or all, of a smaller category) drawn without replacement.

    ``sizes`` is the number of items of each shopper's category, ``members`` how many of them are true, ``relevant``
    how many items are true in all, above 0.
    """
    odds = members / np.maximum(sizes, 1)
    listed = np.minimum(sizes, 20)
    discounts = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, 12)))])
    return {
        "hit_rate@20": 1.0 - _none_hit(sizes, members, listed),
        "recall@20": odds * listed / np.minimum(relevant, 20),
        "ndcg@10": odds * discounts[np.minimum(sizes, 10)] / discounts[np.minimum(relevant, 10)],
    }


def _none_hit(sizes: Array, members: Array, listed: Array) -> Array:
    """float64[rows]: the probability that none of ``listed`` draws is a member."""
    misses = np.ones(len(sizes))
    for draw in range(int(listed.max(initial=0))):
        left = np.maximum(sizes - draw, 1)
        misses *= np.where(draw < listed, np.maximum(sizes - members - draw, 0) / left, 1.0)
    return misses
