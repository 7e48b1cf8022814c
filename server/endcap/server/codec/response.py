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

    def write(self, ask: Ask, slate: Slate) -> bytes:
        """The page that ``ask`` asks for, but for what ``sign`` adds: the same for every request of this content."""
        about = pb.RankResponse(
            strategy=ask.strategy.name,
            bundle_version=self.version,
            degradations=[_degradation(each) for each in slate.run.degradations],
            candidate_count=slate.considered + sum(slate.run.dropped.values()),
            filter_drops=_filter_drops(slate.run),
        )
        return about.SerializeToString() + self._items.items(ask, slate)

    def sign(self, ask: Ask, slate: Slate, now: int, timings: Iterable[Timing]) -> bytes:
        """What belongs to this one request; ``now`` is the time that the slate was ranked for."""
        own = pb.RankResponse(
            request_id=ask.request_id,
            attribution_token=attribution_token(ask.request_id, ask.strategy.name, self.version),
            missing_item_ids=ask.missing,
            next_page_token=self._next_page(ask, slate, now),
        )
        parts = [_timing_head(stage, component) + float64(seconds * 1000) for stage, component, seconds in timings]
        return own.SerializeToString() + b"".join(parts)

    def write_valid(self, ask: Ask) -> bytes:
        """The answer to ``validate_only``: what the request resolves to, and no items."""
        return pb.RankResponse(
            request_id=ask.request_id,
            strategy=ask.strategy.name,
            bundle_version=self.version,
            missing_item_ids=ask.missing,
        ).SerializeToString()

    def _next_page(self, ask: Ask, slate: Slate, now: int) -> str:
        end = ask.query.size
        if len(slate.items) < end or slate.considered <= end or end > PAGING_DEPTH:
            return ""
        return PageToken(end, now, ask.query.request_id, self._digest, ask.fingerprint).encode()


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


def _filter_drops(run: Run) -> list[pb.FilterDrop]:
    return [pb.FilterDrop(filter=name, dropped_count=count) for name, count in run.dropped.items() if count]


@lru_cache(10_000)
def _timing_head(stage: str, component: str) -> bytes:
    """A timing up to its duration, which is to follow."""
    named = pb.StageTiming(stage=stage, component="" if component == stage else component).SerializeToString()
    head = named + tag(pb.StageTiming, "duration_ms")
    return tag(pb.RankResponse, "timings") + varint(len(head) + 8) + head
