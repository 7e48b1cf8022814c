from __future__ import annotations

import io

from rich.console import Console

from endcap.cli._slate import print_slate, server_ms
from endcap.v1 import ranking_pb2 as pb


def _printed(slate: pb.RankResponse, titles: dict[str, str] | None = None) -> str:
    console = Console(file=io.StringIO(), width=120)
    print_slate(console, slate, titles or {}, 12.34)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def _slate(**more: object) -> pb.RankResponse:
    item = pb.RankedItem(item_id="i1", title="Tea [green]", score=1.5, sources=[pb.ItemSource(source="als", rank=4)])
    timing = pb.StageTiming(stage="total", duration_ms=3.21)
    return pb.RankResponse(strategy="hybrid", items=[item], timings=[timing], bundle_version="shop-1", **more)  # type: ignore[arg-type]


def test_an_item_is_shown_with_title_id_score_sources_and_times() -> None:
    printed = _printed(_slate(candidate_count=77))
    for said in ("Tea [green] i1", "1.500", "als 4", "77 candidates", "3.2 ms in the server", "12.3 ms round trip"):
        assert said in printed, "what looks like markup in a title is a title"


def test_a_degradation_is_told() -> None:
    part = pb.Degradation(stage="recall", component="text", message="text failed in recall; its candidates are missing")
    assert "degraded: text failed in recall" in _printed(_slate(degradations=[part]))


def test_an_empty_slate_says_why() -> None:
    empty = pb.RankResponse(filter_drops=[pb.FilterDrop(filter="request_filter", dropped_count=9)])
    assert "no items: request_filter dropped 9" in _printed(empty)
    assert "no recall source proposed any" in _printed(pb.RankResponse())


def test_the_servers_time_is_that_of_the_whole_request() -> None:
    stages = [pb.StageTiming(stage="recall", duration_ms=9.0), pb.StageTiming(stage="total", duration_ms=10.0)]
    assert server_ms(pb.RankResponse(timings=stages)) == 10.0
