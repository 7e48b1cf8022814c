"""From a slate of dense numbers to the bytes of a response."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from endcap.bundle.catalog import Catalog
from endcap.server.codec.request import Ask
from endcap.server.codec.tokens import PAGING_DEPTH, PageToken, attribution_token, digest
from endcap.server.serving import Serving
from endcap.strategies.batch import SCORE
from endcap.strategies.contract import ReasonCode
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
_REASONS: Final = {code: pb.ReasonCode.Value(f"REASON_CODE_{code}") for code in ReasonCode}


def write(ask: Ask, slate: Slate, serving: Serving) -> pb.RankResponse:
    """The page that ``ask`` asks for, but for what ``sign`` adds: the same for every request of this content."""
    response = pb.RankResponse(
        strategy=ask.strategy.name,
        bundle_version=serving.bundle.manifest.version,
        degradations=[_degradation(each) for each in slate.run.degradations],
        candidate_count=slate.considered + sum(slate.run.dropped.values()),
        filter_drops=_filter_drops(slate.run),
    )
    _add_items(response, ask, slate, serving.bundle.catalog)
    return response


def sign(
    response: pb.RankResponse, ask: Ask, slate: Slate, serving: Serving, now: int, timings: Iterable[Timing]
) -> None:
    """Add what belongs to this one request; ``now`` is the time that the slate was ranked for."""
    version = serving.bundle.manifest.version
    response.request_id = ask.request_id
    response.attribution_token = attribution_token(ask.request_id, ask.strategy.name, version)
    response.missing_item_ids.extend(ask.missing)
    response.next_page_token = _next_page(ask, slate, now, version)
    _add_timings(response, timings)


def write_valid(ask: Ask, serving: Serving) -> pb.RankResponse:
    """The answer to ``validate_only``: what the request resolves to, and no items."""
    return pb.RankResponse(
        request_id=ask.request_id,
        strategy=ask.strategy.name,
        bundle_version=serving.bundle.manifest.version,
        missing_item_ids=ask.missing,
    )


# Messages are made in place, by `add`: made apart they would be copied, which takes twice the time.


def _add_items(response: pb.RankResponse, ask: Ask, slate: Slate, catalog: Catalog) -> None:
    page = slice(ask.offset, ask.query.size)
    numbers = slate.items[page]
    names, titles = catalog.ids.ids.take(numbers), catalog.titles.take(numbers)
    rows = zip(names, titles, slate.scores[page].tolist(), strict=True)
    items = [response.items.add(item_id=name, title=title, score=score) for name, title, score in rows]
    for place, source, rank, source_score in _sources(ask.strategy, slate, page):
        items[place].sources.add(source=source, rank=rank, score=source_score)
    for item, reasons in zip(items, slate.reasons[page], strict=True):
        for reason in reasons:
            _add_reason(item, reason, catalog)
    if ask.explain:
        for item, known in zip(items, _features(slate, page), strict=True):
            for feature, value in known:
                item.features.add(name=feature, value=value)


def _sources(strategy: Strategy, slate: Slate, page: slice) -> Iterator[tuple[int, str, int, float]]:
    """(place on the page, source, rank, score) of each source of the strategy that proposed an item of the page."""
    names = [source.name for source in strategy.recall]
    # In the order in which merge lays them out, so that they are fetched in one go.
    columns = slate.candidates.matrix([f"{name}.{what}" for name in names for what in ("rank", "score")])[page]
    ranks, scores = columns[:, ::2], columns[:, 1::2]
    places, found = np.nonzero(ranks == ranks)  # not NaN: the source proposed it
    which = [names[number] for number in found.tolist()]
    proposed = places, found
    rank_numbers = ranks[proposed].astype(np.int32).tolist()
    yield from zip(places.tolist(), which, rank_numbers, scores[proposed].tolist(), strict=True)


def _features(slate: Slate, page: slice) -> list[Iterable[tuple[str, float]]]:
    """Every column that the scorer could read; where two have one name, the later, as the scorer saw it."""
    names = [name for name in dict.fromkeys(slate.candidates.names) if name not in (SCORE, BOOST)]
    return [zip(names, row, strict=True) for row in slate.candidates.matrix(names)[page].tolist()]


def _add_reason(item: pb.RankedItem, reason: Reason, catalog: Catalog) -> None:
    code, contribution, feature, value, other = reason
    name = catalog.ids.id(other) if other >= 0 else ""
    item.reasons.add(code=_REASONS[code], contribution=contribution, feature=feature, value=value, item_id=name)


def _degradation(degradation: Degradation) -> pb.Degradation:
    """Says what failed and what follows, and nothing of the error itself: the server's log has that."""
    stage, component = degradation.stage, degradation.component
    return pb.Degradation(
        stage=stage,
        component=component,
        reason=pb.DEGRADATION_REASON_FAILED,
        message=f"{component} failed in {stage}; {_CONSEQUENCES.get(stage, 'its part is missing')}",
    )


def _next_page(ask: Ask, slate: Slate, now: int, version: str) -> str:
    end = ask.query.size
    if len(slate.items) < end or slate.considered <= end or end > PAGING_DEPTH:
        return ""
    bundle = digest(version.encode())
    return PageToken(end, now, ask.query.request_id, bundle, ask.fingerprint).encode()


def _add_timings(response: pb.RankResponse, timings: Iterable[Timing]) -> None:
    for stage, component, seconds in timings:
        response.timings.add(stage=stage, component="" if component == stage else component, duration_ms=seconds * 1000)


def _filter_drops(run: Run) -> list[pb.FilterDrop]:
    return [pb.FilterDrop(filter=name, dropped_count=count) for name, count in run.dropped.items() if count]
