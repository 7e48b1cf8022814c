"""What reached shoppers: the page's books, and which items were shown lately."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np

from endcap.bundle.folder import open_bundle
from endcap.server.calls import WRITE_SECONDS
from endcap.server.shown import ShownItems, met_items
from endcap.v1.common_pb2 import Event
from endcap.v1.ranking_pb2 import BatchRankRequest, RankOverride, RankRequest, RecallOverride
from endcap.v1.ranking_pb2_grpc import RankingServiceStub

from ..support import tiny
from ..support.live import Live, wait_for
from .conftest import Shop
from .test_lifecycle import channel_to

SHOPPERS = ("known", "visit", "unknown")


def answered(metrics: dict[str, float]) -> float:
    return sum(value for name, value in metrics.items() if name.startswith("endcap_slates_total"))


def settled(live: Live) -> dict[str, float]:
    """The metrics once all earlier tests' requests are counted, which workers write down a little later."""
    seen, since = -1.0, time.monotonic()

    def still() -> bool:
        nonlocal seen, since
        if (now := answered(live.metrics())) != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > 5 * WRITE_SECONDS

    wait_for(still, "earlier slates to be counted")
    return live.metrics()


def gained(live: Live, act: Callable[[], object], slates: int) -> dict[str, float]:
    """By how much each metric grew while ``act`` had ``slates`` slates answered."""
    before = settled(live)
    act()
    wait_for(lambda: answered(live.metrics()) == answered(before) + slates, "the slates to be counted")
    return {name: value - before.get(name, 0.0) for name, value in live.metrics().items()}


def test_a_slate_is_counted_by_what_is_known_of_the_shopper(live: Live, ranking: RankingServiceStub) -> None:
    def rank() -> None:
        ranking.Rank(RankRequest(user_id="u1", page_size=1))
        ranking.Rank(RankRequest(user_id="u4", page_size=1))  # who never did anything
        ranking.Rank(RankRequest(user_id="nobody", seed_item_ids=["i1"], page_size=1))
        ranking.Rank(RankRequest(recent_events=[Event(item_id="i1", event_type="view")], page_size=1))

    grown = gained(live, rank, 4)
    found = {shopper: grown[f'endcap_slates_total{{shopper="{shopper}",strategy="steady"}}'] for shopper in SHOPPERS}
    assert found == {"known": 1, "visit": 1, "unknown": 2}


def test_the_shown_items_count_for_every_source_that_proposed_them(live: Live, ranking: RankingServiceStub) -> None:
    grown = gained(live, lambda: ranking.Rank(RankRequest(user_id="u1", page_size=60)), 1)
    strategy = 'strategy="steady"'
    assert grown[f"endcap_shown_items_total{{{strategy}}}"] == 49  # of fifty, one cannot be bought
    assert grown[f'endcap_shown_source_items_total{{source="test_steady",{strategy}}}'] == 49
    assert grown[f'endcap_shown_source_items_total{{source="popular",{strategy}}}'] == 10
    assert grown[f"endcap_shown_new_items_total{{{strategy}}}"] == 37  # events know i0 to i12; i7 is not shown
    assert grown[f"endcap_empty_slates_total{{{strategy}}}"] == 0


def test_the_callers_own_list_is_a_source(live: Live, ranking: RankingServiceStub) -> None:
    request = RankRequest(user_id="u1", candidate_item_ids=["i1", "i2", "i3"])
    grown = gained(live, lambda: ranking.Rank(request), 1)
    assert grown['endcap_shown_source_items_total{source="caller",strategy="steady"}'] == 3


def test_a_slate_without_items_is_counted_as_empty(live: Live, ranking: RankingServiceStub) -> None:
    grown = gained(live, lambda: ranking.Rank(RankRequest(user_id="u1", filter="price > 1000")), 1)
    assert grown['endcap_empty_slates_total{strategy="steady"}'] == 1
    assert grown['endcap_shown_items_total{strategy="steady"}'] == 0
    assert grown['endcap_top_score_count{strategy="steady"}'] == 0


def test_the_best_score_is_noted_once_a_slate_and_pages_show_only_their_own_items(
    live: Live, ranking: RankingServiceStub
) -> None:
    override = RankOverride(recall=[RecallOverride(source="test_steady", limit=30)])

    def two_pages() -> None:
        first = ranking.Rank(RankRequest(user_id="u1", page_size=10, override=override))
        token = first.next_page_token
        ranking.Rank(RankRequest(user_id="u1", page_size=10, override=override, page_token=token))

    grown = gained(live, two_pages, 2)
    assert grown['endcap_shown_items_total{strategy="steady"}'] == 20
    assert grown['endcap_top_score_count{strategy="steady"}'] == 1


def test_what_is_only_validated_or_refused_shows_nothing(live: Live, ranking: RankingServiceStub) -> None:
    def rank() -> None:
        ranking.Rank(RankRequest(user_id="u1", validate_only=True))
        answers = ranking.BatchRank(
            BatchRankRequest(request=request) for request in (RankRequest(), RankRequest(user_id="u1", page_size=3))
        )
        assert [answer.HasField("error") for answer in answers] == [True, False]

    assert gained(live, rank, 1)['endcap_shown_items_total{strategy="steady"}'] == 3


def test_distinct_items_of_all_workers_are_counted_once_and_outlive_a_worker(shop: Shop) -> None:
    with shop.live("--workers", "2") as live:
        for worker, ids in ((0, ["i1", "i2", "i3"]), (1, ["i3", "i4"])):
            with channel_to(live, worker) as channel:
                RankingServiceStub(channel).Rank(RankRequest(candidate_item_ids=ids))
        distinct = 'endcap_distinct_items_shown{window="1h"}'
        wait_for(lambda: live.metrics()[distinct] == 4, "the items of both workers")
        assert live.metrics()['endcap_bundle_entries{kind="items"}'] == tiny.ITEMS
        os.kill(live.workers()[0], signal.SIGKILL)
        wait_for(lambda: live.metrics()["endcap_workers_serving"] == 1, "the worker to die")
        assert live.metrics()[distinct] == 4


def test_an_item_counts_as_shown_lately_until_the_window_has_passed_it(tmp_path: Path) -> None:
    now = [1_000.0]
    shown = ShownItems(tmp_path / "shown", 5, lambda: now[0])
    assert shown.within(10_000.0) == 0
    shown.mark(np.array([1, 3], np.int32))
    now[0] += 50.0
    shown.mark(np.array([3, 4], np.int32))
    assert (shown.within(10.0), shown.within(60.0)) == (2, 3)
    now[0] += 60.0
    assert (shown.within(10.0), shown.within(80.0)) == (0, 2)


def test_what_one_process_marks_another_sees_and_nothing_is_lost_when_the_file_is_opened_again(tmp_path: Path) -> None:
    one, other = ShownItems(tmp_path / "shown", 5), ShownItems(tmp_path / "shown", 5)
    one.mark(np.array([2], np.int32))
    assert other.within(60.0) == 1
    assert ShownItems(tmp_path / "shown", 5).within(60.0) == 1


def test_a_catalog_without_items_shows_none(tmp_path: Path) -> None:
    assert ShownItems(tmp_path / "shown", 0).within(60.0) == 0


def test_an_item_is_met_when_an_event_has_it(tmp_path: Path) -> None:
    met = met_items(open_bundle(tiny.write_bundle(tmp_path)))
    assert np.flatnonzero(met).tolist() == list(range(13))


def test_series_are_there_before_their_first_event_so_that_no_rate_misses_it(shop: Shop) -> None:
    with shop.live() as live, grpc.insecure_channel(live.address):
        metrics = live.metrics()
    for name in (
        'endcap_requests_total{code="INTERNAL",method="Rank",strategy="steady"}',
        'endcap_requests_rejected_total{reason="OVERLOADED"}',
        'endcap_degradations_total{component="test_failing",stage="recall"}',
        'endcap_degradations_total{component="test_facts",stage="hydrate"}',
        'endcap_worker_restarts_total{worker="0"}',
        'endcap_slates_total{shopper="unknown",strategy="steady"}',
    ):
        assert metrics[name] == 0
