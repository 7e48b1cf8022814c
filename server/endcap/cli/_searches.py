"""`endcap evaluate --judgments`: the table it prints, and what it says of judgments that it could not use."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

COLUMNS = (("judged", "ndcg@10"), ("judged", "mrr"), ("catalog", "recall@100"), ("catalog", "ndcg@10"))
LISTED = 10


def print_searches(console: Console, found: dict[str, Any]) -> None:
    console.print(searches_table(found))
    for line in _notes(found):
        console.print(line, markup=False)


def searches_table(found: dict[str, Any]) -> Table:
    strategies = found["strategies"]
    judged, catalog = (next(iter(strategies.values()))[part]["queries"] for part in ("judged", "catalog"))
    title = f"Searches: {judged:,} with their rated items put in order, {catalog:,} over the whole catalog"
    table = Table(title=title, title_justify="left", caption="In brackets 95 % intervals.", caption_justify="left")
    table.add_column("strategy")
    for part, metric in COLUMNS:
        table.add_column(f"{metric}, {part}", justify="right")
    for name, one in strategies.items():
        cells = [_cell(one[part], metric) for part, metric in COLUMNS]
        table.add_row(Text(name), *cells, style="bold" if name == "search" else "")
    return table


def _cell(one: dict[str, Any], metric: str) -> str:
    if one.get(metric) is None:
        return "–"
    low, high = one["intervals"][metric]
    return f"{one[metric]:.4f} ({low:.3f}–{high:.3f})"


def _notes(found: dict[str, Any]) -> list[str]:
    lines, judgments, ranker = [], found["judgments"], found["ranker"]
    if ranker:
        lines.append(f"The order was learned from {ranker['learned_from']} ({ranker['way']}).")
    else:
        lines.append("The order is the fixed fusion: nothing was given to learn from.")
    if both := found["left_out_of_training"]:
        lines.append(f"Not learned from, because they are asked: {len(both):,} searches, such as {both[0]!r}.")
    if judgments["unknown_items"]:
        some = ", ".join(judgments["unknown"][:LISTED])
        rest = ", …" if judgments["unknown_items"] > LISTED else ""
        rows, items = judgments["unknown_rows"], judgments["unknown_items"]
        lines.append(f"{rows:,} judgments name {items:,} items that the catalog lacks: {some}{rest}")
    return lines
