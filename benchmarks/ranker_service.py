"""From the bytes of a RankRequest to those of a RankResponse with the slate's items, by either pipeline: what other
servers are given to serve. It reads the fields that the benchmarks' requests have, and no others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from endcap.bundle.folder import Bundle, open_bundle
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import execute
from endcap.strategies.registry import Form, load_strategies
from endcap.v1 import ranking_pb2 as pb

Rank = Callable[[bytes], bytes]


def ranker_of(folder: Path, pipeline: str) -> Rank:
    """``pipeline`` is ours or plain."""
    bundle = open_bundle(folder, verify=False)
    rank = ours(bundle) if pipeline == "ours" else plain(bundle)
    for user in np.flatnonzero(np.diff(bundle.histories.offsets))[:50].tolist():
        rank(pb.RankRequest(user_id=bundle.users.id(user), page_size=20).SerializeToString())  # warm
    return rank


def ours(bundle: Bundle) -> Rank:
    strategies, now = load_strategies(bundle), bundle.manifest.data_end

    def rank(raw: bytes) -> bytes:
        asked = pb.RankRequest.FromString(raw)
        user = int(bundle.users.numbers([asked.user_id])[0])
        excluded = bundle.catalog.ids.numbers(list(asked.excluded_item_ids))
        history, size = bundle.histories.of(user), asked.page_size
        query = Query(now, user, history, text=asked.query, excluded=excluded, size=size)
        strategy = strategies.resolve(asked.strategy, form=Form.SEARCH if asked.query else Form.SHOPPER)
        slate = execute(strategy, query)
        return _answer(bundle, slate.items.tolist(), slate.scores.tolist())

    return rank


def plain(bundle: Bundle) -> Rank:
    from benchmarks.contest import Request
    from benchmarks.pipeline import Plain

    pipeline = Plain(bundle)

    def rank(raw: bytes) -> bytes:
        asked = pb.RankRequest.FromString(raw)
        user = int(bundle.users.numbers([asked.user_id])[0])
        answer = pipeline(Request(user, asked.query))
        return _answer(bundle, answer.items, answer.scores)

    return rank


def _answer(bundle: Bundle, items: list[int], scores: list[float]) -> bytes:
    ranked = [
        pb.RankedItem(item_id=bundle.catalog.ids.id(item), score=score)
        for item, score in zip(items, scores, strict=True)
    ]
    return pb.RankResponse(items=ranked).SerializeToString()
