"""From a slate of dense numbers to the bytes of a response.

They are made in two parts, one behind the other: what is the same for every request of one content, which may be kept,
and what belongs to one request. To protobuf two messages in a row are one with the fields of both.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from endcap.server.codec.items import ItemWriter
from endcap.server.codec.request import Ask
from endcap.server.codec.tokens import PAGING_DEPTH, PageToken, attribution_token, digest
from endcap.server.codec.wire import float64, sized, tag, varint
from endcap.server.serving import Serving
from endcap.strategies.pipeline import Degradation, Run, Slate, Timing
from endcap.v1 import ranking_pb2 as pb

# What follows when a component of a stage fails, see the pipeline.
_CONSEQUENCES: Final = {
    "recall": "its candidates are missing",
    "hydrate": "its features count as unknown",
    "score": "the order is that of the merged recall sources",
    "rescore": "the best were not looked at a second time, and keep their first order",
    "select": "the order is by score alone",
    "explain": "the reasons are missing",
}


class ResponseWriter:
    def __init__(self, serving: Serving) -> None:
        self.version = serving.bundle.manifest.version
        self._digest = digest(self.version.encode())
        self._items = ItemWriter(serving.bundle.catalog)
        self._about = {name: self._new_about(name) for name in serving.strategies.by_name}

    def write(self, ask: Ask, slate: Slate) -> bytes:
        """The page that ``ask`` asks for, but for what ``sign`` adds: the same for every request of this content."""
        run = slate.run
        considered = _CANDIDATES + varint(slate.considered + sum(run.dropped.values()))
        rare = _amiss(run) if run.degradations or any(run.dropped.values()) else b""
        return b"".join((self._about[ask.strategy.name], considered, rare, self._items.items(ask, slate)))

    def sign(self, ask: Ask, slate: Slate, now: int, timings: Iterable[Timing]) -> bytes:
        """What belongs to this one request; ``now`` is the time that the slate was ranked for."""
        token = attribution_token(ask.request_id, ask.strategy.name, self.version)
        parts = [sized(_REQUEST_ID, ask.request_id.encode()), sized(_ATTRIBUTION, token.encode())]
        parts += [sized(_MISSING, name.encode()) for name in ask.missing]
        if self._goes_on(ask, slate):
            page = PageToken(ask.query.size, now, ask.query.request_id, self._digest, ask.fingerprint).encode()
            parts.append(sized(_NEXT_PAGE, page.encode()))
        for stage, component, seconds in timings:
            parts += _timing_head(stage, component), float64(seconds * 1000)
        return b"".join(parts)

    def write_valid(self, ask: Ask) -> bytes:
        """The answer to ``validate_only``: what the request resolves to, and no items."""
        return pb.RankResponse(
            request_id=ask.request_id,
            strategy=ask.strategy.name,
            bundle_version=self.version,
            missing_item_ids=ask.missing,
        ).SerializeToString()

    def _new_about(self, strategy: str) -> bytes:
        return pb.RankResponse(strategy=strategy, bundle_version=self.version).SerializeToString()

    def _goes_on(self, ask: Ask, slate: Slate) -> bool:
        """Whether there is a next page."""
        end = ask.query.size
        return len(slate.items) >= end and slate.considered > end and end <= PAGING_DEPTH


_CANDIDATES, _TIMINGS = (tag(pb.RankResponse, name) for name in ("candidate_count", "timings"))
_REQUEST_ID, _ATTRIBUTION = (tag(pb.RankResponse, name) for name in ("request_id", "attribution_token"))
_MISSING, _NEXT_PAGE = (tag(pb.RankResponse, name) for name in ("missing_item_ids", "next_page_token"))


def write_one_of_batch(index: int, response: bytes, request_id: str) -> bytes:
    """A BatchRankResponse around a RankResponse."""
    place = pb.BatchRankResponse(index=index, request_id=request_id)
    return place.SerializeToString() + sized(_ANSWER, response)


_ANSWER: Final = tag(pb.BatchRankResponse, "response")


def _degradation(degradation: Degradation) -> pb.Degradation:
    """Says what failed and what follows, and nothing of the error itself: the server's log has that."""
    stage, component = degradation.stage, degradation.component
    return pb.Degradation(
        stage=stage,
        component=component,
        reason=pb.DEGRADATION_REASON_FAILED,
        message=f"{component} failed in {stage}; {_CONSEQUENCES.get(stage, 'its part is missing')}",
    )


def _amiss(run: Run) -> bytes:
    """What a slate had to do without, and what was dropped from it."""
    return pb.RankResponse(
        degradations=[_degradation(each) for each in run.degradations],
        filter_drops=[pb.FilterDrop(filter=name, dropped_count=count) for name, count in run.dropped.items() if count],
    ).SerializeToString()


@lru_cache(10_000)
def _timing_head(stage: str, component: str) -> bytes:
    """A timing up to its duration, which is to follow."""
    named = pb.StageTiming(stage=stage, component="" if component == stage else component).SerializeToString()
    head = named + tag(pb.StageTiming, "duration_ms")
    return _TIMINGS + varint(len(head) + 8) + head
