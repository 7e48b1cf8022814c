"""`endcap evaluate --protocol cold`: what it prints of hidden items and hidden shoppers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

METRICS = ("hit_rate@20", "recall@20", "ndcg@10")
AGAINST = ("nearest texts", "random of top category")


def print_cold(console: Console, found: dict[str, Any]) -> None:
    cold = found["cold"]
    if cold["items"]:
        console.print(items_table(found))
        for line in _verdicts(cold["items"]):
            console.print(line, markup=False)
    if cold["shoppers"]:
        console.print(shoppers_table(found))


def items_table(found: dict[str, Any]) -> Table:
    """Every method, asked for hidden items among all items, and what it finds of the others."""
    counts, items = found["counts"], found["cold"]["items"]
    title = (
        f"{counts['hidden_items']:,} items hidden from training, and the {counts['shoppers']:,} shoppers who went for "
        f"{counts['hidden_items_asked_for']:,} of them"
    )
    table = Table(title=title, title_justify="left", caption="In brackets 95 % intervals.", caption_justify="left")
    for name in ("method", *METRICS, "hit_rate@20, unbought", "ndcg@10 of other items"):
        table.add_column(name, justify="left" if name == "method" else "right")
    for name, one in items["all"]["methods"].items():
        cells = [_cell(one, metric) for metric in METRICS]
        cells += [_cell(items["new"]["methods"][name], "hit_rate@20"), _cell(items["warm"].get(name, {}), "ndcg@10")]
        table.add_row(Text(name), *cells, style="bold" if name == "map" else "")
    return table


def shoppers_table(found: dict[str, Any]) -> Table:
    title = f"{found['counts']['hidden_shoppers']:,} shoppers hidden from training, by what is known of them"
    table = Table(title=title, title_justify="left", caption="In brackets 95 % intervals.", caption_justify="left")
    for name in ("known", "strategy", "shoppers", "ndcg@10", "of popular", "difference", "recall@20", "of popular"):
        table.add_column(name, justify="left" if name in ("known", "strategy") else "right")
    for known, one in found["cold"]["shoppers"].items():
        if one["shoppers"]:
            own, popular = one["methods"][one["strategy"]], one["methods"]["popular"]
            ahead = one["against_popular"]["ndcg@10"]
            low, high = ahead["interval"]
            table.add_row(
                Text(known),
                Text(one["strategy"]),
                f"{one['shoppers']:,}",
                _cell(own, "ndcg@10"),
                _cell(popular, "ndcg@10"),
                f"{ahead['difference']:+.4f} ({low:+.3f} to {high:+.3f})",
                _cell(own, "recall@20"),
                _cell(popular, "recall@20"),
            )
    return table


def _cell(one: dict[str, Any], metric: str) -> str:
    if one.get(metric) is None:
        return "–"
    low, high = one["intervals"][metric]
    return f"{one[metric]:.4f} ({low:.3f}–{high:.3f})"


def _verdicts(items: dict[str, Any]) -> Iterator[str]:
    yield f"The map gives items that nobody has met {items['even_share']:.0%} of the places, their share of all items."
    for name in AGAINST:
        against = items["all"]["map_against"].get(name, {}).get("hit_rate@20")
        if against and against["ratio"] is not None:
            low, high = against["ratio_interval"]
            yield f"Its hit rate at 20 is {against['ratio']:.1f} times that of {name} (95 %: {low:.1f} to {high:.1f})."
        elif against:
            ahead, (low, high) = against["difference"], against["interval"]
            yield f"Its hit rate at 20 is {ahead:+.4f} ahead of {name} (95 %: {low:+.4f} to {high:+.4f})."
