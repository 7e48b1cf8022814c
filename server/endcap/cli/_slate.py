"""A slate as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from endcap.cli._reasons import words
from endcap.v1.ranking_pb2 import RankedItem, RankResponse

Titles = Mapping[str, str]


def print_slate(
    console: Console, slate: RankResponse, titles: Titles, round_trip_ms: float, given: Sequence[str] = ()
) -> None:
    """The table, then what was missing, then how long it took. ``given`` are the caller's own candidates."""
    console.print(slate_table(slate, titles, given))
    for note in notes(slate):
        console.print(Text(note, style="yellow"))
    console.print(Text(footer(slate, round_trip_ms), style="dim"))


def slate_table(slate: RankResponse, titles: Titles, given: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("", justify="right")
    table.add_column("item", ratio=5)
    table.add_column("score", justify="right")
    table.add_column("sources", ratio=2)
    table.add_column("reasons", ratio=6)
    for place, item in enumerate(slate.items, 1):
        name = Text.assemble(item.title, (f" {item.item_id}", "dim"))
        table.add_row(str(place), name, f"{item.score:.3f}", Text(sources(item, given)), Text(reasons(item, titles)))
    return table


def sources(item: RankedItem, given: Sequence[str] = ()) -> str:
    """The recall sources, each with the item's place in it; or its place in the caller's list."""
    if item.item_id in given:
        return f"the caller {given.index(item.item_id) + 1}"
    return ", ".join(f"{source.source} {source.rank}" for source in item.sources) or "-"


def reasons(item: RankedItem, titles: Titles) -> str:
    facts = {feature.name: feature.value for feature in item.features}
    said = dict.fromkeys(words(reason, titles, facts) for reason in item.reasons)
    return "; ".join(said) or "-"


def notes(slate: RankResponse) -> list[str]:
    """What a reader should know that the items do not show."""
    found = [f"degraded: {part.message or part.component}" for part in slate.degradations]
    if slate.missing_item_ids:
        found.append(f"not in the catalog: {', '.join(slate.missing_item_ids)}")
    if not slate.items:
        found.append("no items: " + _why_empty(slate))
    return found


def _why_empty(slate: RankResponse) -> str:
    dropped = ", ".join(f"{drop.filter} dropped {drop.dropped_count}" for drop in slate.filter_drops)
    return dropped or "no recall source proposed any"


def footer(slate: RankResponse, round_trip_ms: float) -> str:
    return (
        f"strategy {slate.strategy}, {slate.candidate_count} candidates, {server_ms(slate):.1f} ms in the server, "
        f"{round_trip_ms:.1f} ms round trip, bundle {slate.bundle_version}"
    )


def server_ms(slate: RankResponse) -> float:
    """Milliseconds that the request took in the server."""
    return sum(timing.duration_ms for timing in slate.timings if timing.stage == "total")


def features_of(slate: RankResponse) -> Group:
    """For every item the features that its scorer saw and that say something."""
    return Group(*(_features(place, item) for place, item in enumerate(slate.items, 1)))


def _features(place: int, item: RankedItem) -> Text:
    known = [f"{f.name} {f.value:.4g}" for f in item.features if not math.isnan(f.value) and f.value != 0]
    return Text.assemble((f"{place} {item.title}: ", "bold"), ", ".join(known) or "no features")
