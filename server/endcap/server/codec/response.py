"""From a slate of dense numbers to the bytes of a response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from endcap.bundle.catalog import Catalog
from endcap.server.codec.request import Ask
from endcap.server.codec.tokens import PAGING_DEPTH, PageToken, attribution_token, digest
from endcap.server.serving import Serving
from endcap.strategies.batch import SCORE
from endcap.strategies.pipeline import Degradation, Run, Slate, Timing
from endcap.strategies.reasons import BOOST, Reason
from endcap.strategies.strategy import Strategy
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


def write(ask: Ask, slate: Slate, serving: Serving, seconds: float) -> pb.RankResponse:
    """The page that ``ask`` asks for; ``seconds`` is what the whole request took so far."""
    version = serving.bundle.manifest.version
    page = slice(ask.offset, ask.query.size)
    return pb.RankResponse(
        request_id=ask.request_id,
        strategy=ask.strategy.name,
        items=_items(ask, slate, page, serving.bundle.catalog),
        attribution_token=attribution_token(ask.request_id, ask.strategy.name, version),
        bundle_version=version,
        missing_item_ids=ask.missing,
        degradations=[_degradation(each) for each in slate.run.degradations],
        next_page_token=_next_page(ask, slate, version),
        timings=_timings([*slate.run.timings, Timing("total", "", seconds)]),
        candidate_count=slate.considered + sum(slate.run.dropped.values()),
        filter_drops=_filter_drops(slate.run),
    )


def write_valid(ask: Ask, serving: Serving) -> pb.RankResponse:
    """The answer to ``validate_only``: what the request resolves to, and no items."""
    return pb.RankResponse(
        request_id=ask.request_id,
        strategy=ask.strategy.name,
        bundle_version=serving.bundle.manifest.version,
        missing_item_ids=ask.missing,
    )


def _items(ask: Ask, slate: Slate, page: slice, catalog: Catalog) -> Iterator[pb.RankedItem]:
    numbers = slate.items[page].tolist()
    sources = _sources(ask.strategy, slate, page)
    features = _features(slate, page) if ask.explain else [()] * len(numbers)
    rows = zip(numbers, slate.scores[page].tolist(), sources, slate.reasons[page], features, strict=True)
    for number, score, item_sources, reasons, item_features in rows:
        yield pb.RankedItem(
            item_id=catalog.ids.id(number),
            title=catalog.titles[number],
            score=score,
            sources=item_sources,
            reasons=[_reason(reason, catalog) for reason in reasons],
            features=item_features,
        )


def _sources(strategy: Strategy, slate: Slate, page: slice) -> list[list[pb.ItemSource]]:
    """For each item of the page the strategy's sources that proposed it."""
    names = [source.name for source in strategy.recall]
    columns = [f"{name}.{what}" for what in ("rank", "score") for name in names]
    found = slate.candidates.take(np.arange(*page.indices(len(slate.items)))).matrix(columns)
    ranks, scores = found[:, : len(names)], found[:, len(names) :]
    return [
        [
            pb.ItemSource(source=name, rank=int(rank), score=score)
            for name, rank, score in zip(names, item_ranks, item_scores, strict=True)
            if rank == rank  # not NaN: the source proposed it
        ]
        for item_ranks, item_scores in zip(ranks.tolist(), scores.tolist(), strict=True)
    ]


def _features(slate: Slate, page: slice) -> list[list[pb.FeatureValue]]:
    """Every column that the scorer could read; where two have one name, the later, as the scorer saw it."""
    names = [name for name in dict.fromkeys(slate.candidates.names) if name not in (SCORE, BOOST)]
    rows = slate.candidates.matrix(names)[page].tolist()
    return [[pb.FeatureValue(name=n, value=v) for n, v in zip(names, row, strict=True)] for row in rows]


def _reason(reason: Reason, catalog: Catalog) -> pb.Reason:
    return pb.Reason(
        code=pb.ReasonCode.Value(f"REASON_CODE_{reason.code}"),
        contribution=reason.contribution,
        feature=reason.feature,
        value=reason.value,
        item_id=catalog.ids.id(reason.item) if reason.item >= 0 else "",
    )


def _degradation(degradation: Degradation) -> pb.Degradation:
    """Says what failed and what follows, and nothing of the error itself: the server's log has that."""
    stage, component = degradation.stage, degradation.component
    return pb.Degradation(
        stage=stage,
        component=component,
        reason=pb.DEGRADATION_REASON_FAILED,
        message=f"{component} failed in {stage}; {_CONSEQUENCES.get(stage, 'its part is missing')}",
    )


def _next_page(ask: Ask, slate: Slate, version: str) -> str:
    end = ask.query.size
    if len(slate.items) < end or slate.considered <= end or end > PAGING_DEPTH:
        return ""
    bundle = digest(version.encode())
    return PageToken(end, ask.query.now, ask.query.request_id, bundle, ask.fingerprint).encode()


def _timings(timings: list[Timing]) -> list[pb.StageTiming]:
    return [
        pb.StageTiming(stage=stage, component="" if component == stage else component, duration_ms=seconds * 1000)
        for stage, component, seconds in timings
    ]


def _filter_drops(run: Run) -> list[pb.FilterDrop]:
    return [pb.FilterDrop(filter=name, dropped_count=count) for name, count in run.dropped.items() if count]
