"""Rank requests as bytes, no two with the same content: what is measured is ranking, not a cache of slates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.searches import searches
from endcap.bundle.folder import Bundle
from endcap.v1 import ranking_pb2 as pb

SIZE = 20


def no_text(bundle: Bundle, count: int, seed: int, strategy: str = "") -> Iterator[bytes]:
    """Known shoppers by lot; each asks to leave out one item by lot, which makes it a question of its own."""
    random = np.random.default_rng(seed)
    known = np.flatnonzero(np.diff(bundle.histories.offsets))
    items = random.integers(0, len(bundle.catalog), count)
    for user, item in zip(random.choice(known, count).tolist(), items.tolist(), strict=True):
        yield pb.RankRequest(
            user_id=bundle.users.id(user),
            strategy=strategy,
            page_size=SIZE,
            excluded_item_ids=[bundle.catalog.ids.id(item)],
        ).SerializeToString()


def text(bundle: Bundle, count: int, seed: int) -> Iterator[bytes]:
    """Known shoppers who search for what nobody searched before."""
    known = np.flatnonzero(np.diff(bundle.histories.offsets))
    users = np.random.default_rng(seed).choice(known, count).tolist()
    for user, words in zip(users, searches(bundle, count, seed), strict=True):
        yield pb.RankRequest(user_id=bundle.users.id(user), query=words, page_size=SIZE).SerializeToString()
