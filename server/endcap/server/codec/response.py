"""From a slate of dense numbers to the bytes of a response."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

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
    numbers = slate.items[page].tolist()
    sources = _sources(ask.strategy, slate, page)
    features = _features(slate, page) if ask.explain else [()] * len(numbers)
    rows = zip(numbers, slate.scores[page].tolist(), sources, slate.reasons[page], features, strict=True)
    for number, score, proposed, reasons, known in rows:
        item = response.items.add(item_id=catalog.ids.id(number), title=catalog.titles[number], score=score)
        for name, rank, source_score in proposed:
            item.sources.add(source=name, rank=int(rank), score=source_score)
        for reason in reasons:
            _add_reason(item, reason, catalog)
        for name, value in known:
            item.features.add(name=name, value=value)


def _sources(strategy: Strategy, slate: Slate, page: slice) -> Iterator[list[tuple[str, float, float]]]:
    """For each item of the page (source, rank, score) of the strategy's sources that proposed it."""
    names = [source.name for source in strategy.recall]
    found = slate.candidates.matrix([f"{name}.{what}" for what in ("rank", "score") for name in names])[page].tolist()
    for row in found:
        both = zip(names, row[: len(names)], row[len(names) :], strict=True)
        yield [each for each in both if each[1] == each[1]]  # not NaN: the source proposed it


def _features(slate: Slate, page: slice) -> list[Iterable[tuple[str, float]]]:
    """Every column that the scorer could read; where two have one name, the later, as the scorer saw it."""
    names = [name for name in dict.fromkeys(slate.candidates.names) if name not in (SCORE, BOOST)]
    return [zip(names, row, strict=True) for row in slate.candidates.matrix(names)[page].tolist()]


def _add_reason(item: pb.RankedItem, reason: Reason, catalog: Catalog) -> None:
    item.reasons.add(
        code=_REASONS[reason.code],
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
