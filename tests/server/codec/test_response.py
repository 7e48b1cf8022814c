"""What a slate's response says, whatever the slate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endcap.server.codec.request import Ask, read
from endcap.server.codec.response import ResponseWriter
from endcap.server.serving import Serving
from endcap.strategies.batch import SCORE, Candidates
from endcap.strategies.contract import ReasonCode
from endcap.strategies.pipeline import Degradation, Run, Slate, Timing
from endcap.strategies.reasons import BOOST, Reason
from endcap.v1 import ranking_pb2 as pb

from ...support import tiny

SOURCES = ("als", "repeat", "text")
SINGLES = st.floats(width=32)


class Place(NamedTuple):
    """An item of a slate, by lot."""

    item: int
    score: float
    found: list[tuple[int, float] | None]
    """Rank and score of each source; None where it did not propose the item."""
    feature: float
    reasons: list[Reason]


reasons = st.builds(
    Reason,
    code=st.sampled_from(ReasonCode),
    contribution=st.floats(),
    feature=st.sampled_from(["als.rank", "days_since_bought", "Größe"]),
    value=SINGLES,
    item=st.integers(-1, tiny.ITEMS - 1),
)
found = st.one_of(st.none(), st.tuples(st.integers(1, 2_000), SINGLES))
places = st.builds(
    Place,
    item=st.integers(0, tiny.ITEMS - 1),
    score=SINGLES,
    found=st.tuples(found, found, found).map(list),
    feature=SINGLES,
    reasons=st.lists(reasons, max_size=3),
)
slates = st.lists(places, max_size=6, unique_by=lambda place: place.item)


def slate_of(places: list[Place], sources: tuple[str, ...] = SOURCES, **noted: object) -> Slate:
    run = Run(recalled=dict.fromkeys(sources, 1))
    for name, value in noted.items():
        setattr(run, name, value)
    rows = [
        [number for each in place.found[: len(sources)] for number in each or (np.nan, np.nan)] + [1.0, 0.5]
        for place in places
    ]
    names = [f"{source}.{what}" for source in sources for what in ("rank", "score")]
    merged = np.array(rows, np.float32).reshape(len(places), len(names) + 2)
    candidates = (
        Candidates(np.array([place.item for place in places], np.int32))
        .with_block((*names, "merge.sources", "merge.fused"), merged)
        .with_column("facts.feature", np.array([place.feature for place in places], np.float32))
        .with_column(SCORE, np.array([place.score for place in places], np.float32))
        .with_column(BOOST, np.zeros(len(places), np.float32))
    )
    return Slate("popular", candidates, tuple(tuple(place.reasons) for place in places), len(places), run)


def asked(serving: Serving, **fields: object) -> Ask:
    return read(pb.RankRequest(user_id="u1", **fields), serving)  # type: ignore[arg-type]


def message(place: Place, serving: Serving, explain: bool) -> pb.RankedItem:
    """The same as a message of messages."""
    ids, titles = serving.bundle.catalog.ids, serving.bundle.catalog.titles
    item = pb.RankedItem(item_id=ids.id(place.item), title=titles[place.item], score=place.score)
    for source, known in zip(SOURCES, place.found, strict=True):
        if known:
            item.sources.add(source=source, rank=known[0], score=known[1])
    for code, contribution, feature, value, other in place.reasons:
        kind, evidence = pb.ReasonCode.Value(f"REASON_CODE_{code}"), ids.id(other) if other >= 0 else ""
        item.reasons.add(code=kind, contribution=contribution, feature=feature, value=value, item_id=evidence)
    for name, value in _features(place) if explain else ():
        item.features.add(name=name, value=value)
    return item


def _features(place: Place) -> Iterator[tuple[str, float]]:
    for source, known in zip(SOURCES, place.found, strict=True):
        rank, score = known or (float("nan"), float("nan"))
        yield f"{source}.rank", rank
        yield f"{source}.score", score
    yield from (("merge.sources", 1.0), ("merge.fused", 0.5), ("facts.feature", place.feature))


def written(serving: Serving, ask: Ask, slate: Slate) -> pb.RankResponse:
    return pb.RankResponse.FromString(ResponseWriter(serving).write(ask, slate))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(places=slates, explain=st.booleans())
def test_the_bytes_say_what_the_slate_says(serving: Serving, places: list[Place], explain: bool) -> None:
    answer = written(serving, asked(serving, explain=explain), slate_of(places))
    expected = [message(place, serving, explain) for place in places]
    # As bytes: NaN, which a score may be, is not equal to itself.
    assert [item.SerializeToString() for item in answer.items] == [item.SerializeToString() for item in expected]


def test_a_page_has_its_own_items_alone(serving: Serving) -> None:
    places = [Place(item, float(-item), [(item + 1, 0.5), None, None], 1.0, []) for item in range(6)]
    ask = asked(serving, page_size=6)._replace(offset=4)
    assert [item.score for item in written(serving, ask, slate_of(places)).items] == [-4.0, -5.0]


def test_the_callers_own_list_has_no_sources(serving: Serving) -> None:
    slate = slate_of([Place(3, 1.0, [(1, 0.0)], 1.0, [])], ("caller",), recalled={})
    assert not written(serving, asked(serving), slate).items[0].sources


def test_a_response_says_what_the_run_dropped_and_had_to_do_without(serving: Serving) -> None:
    failed, dropped = Degradation("recall", "als", "KeyError: 7"), {"available": 3, "unseen": 0}
    answer = written(serving, asked(serving), slate_of([], dropped=dropped, degradations=[failed]))
    assert [(drop.filter, drop.dropped_count) for drop in answer.filter_drops] == [("available", 3)]
    assert answer.candidate_count == 3
    (degradation,) = answer.degradations
    assert (degradation.stage, degradation.component) == ("recall", "als")
    assert degradation.message == "als failed in recall; its candidates are missing"


@pytest.mark.parametrize(("component", "said"), [("als", "als"), ("merge", ""), ("", "")])
def test_timings_are_in_milliseconds_and_a_stage_of_one_component_names_none(
    serving: Serving, component: str, said: str
) -> None:
    slate, ask = slate_of([]), asked(serving, request_id="r1")
    signed = ResponseWriter(serving).sign(ask, slate, ask.query.now, [Timing("merge", component, 0.0125)])
    assert pb.RankResponse.FromString(signed).timings == [
        pb.StageTiming(stage="merge", component=said, duration_ms=12.5)
    ]
