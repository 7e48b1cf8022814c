"""A few requests through every strategy before the worker calls itself ready: pages come in, kernels get compiled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import structlog

from endcap.bundle.folder import Bundle
from endcap.server.calls import Call
from endcap.server.servicers.ranking import Ranking
from endcap.v1 import common_pb2, ranking_pb2

BUDGET_SECONDS: Final = 2.0
"""After so long the worker serves all the same: a restarted one is missed."""
log = structlog.get_logger("endcap.server")


def warm_up(ranking: Ranking) -> None:
    """Raises what any request would fail with; a component that fails alone is logged."""
    end = time.monotonic() + BUDGET_SECONDS
    failed: set[tuple[str, str, str]] = set()
    for request in _requests(ranking):
        call = Call("Rank")
        ranking.answer(request, call)
        failed.update(call.run.degradations if call.run else ())
        if time.monotonic() > end:
            break
    for stage, component, reason in sorted(failed):
        log.warning("component fails", stage=stage, component=component, reason=reason)


def _requests(ranking: Ranking) -> Iterator[ranking_pb2.RankRequest]:
    """Every strategy once before any form twice, the default strategy first."""
    known = ranking.serving.strategies
    names = sorted(known.by_name, key=lambda name: (name != known.default, name))
    for form in _forms(ranking.serving.bundle):
        for name in names:
            request = ranking_pb2.RankRequest(strategy=name)
            request.MergeFrom(form)
            yield request


def _forms(bundle: Bundle) -> Iterator[ranking_pb2.RankRequest]:
    items = [bundle.catalog.ids.id(number) for number in range(min(20, len(bundle.catalog)))]
    if len(bundle.users):
        yield ranking_pb2.RankRequest(user_id=bundle.users.id(0))
    yield ranking_pb2.RankRequest(query=bundle.catalog.titles[0] if items else "anything")
    yield ranking_pb2.RankRequest(seed_item_ids=items[:1], context=ranking_pb2.RankContext(page="product"))
    yield ranking_pb2.RankRequest(candidate_item_ids=items, visitor_id="warm-up")
    events = [common_pb2.Event(item_id=item) for item in items[:3]]
    yield ranking_pb2.RankRequest(visitor_id="warm-up", recent_events=events)
