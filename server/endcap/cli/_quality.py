"""What `endcap evaluate` prints: every strategy in one table, and what deserves a warning."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 110
"""Columns of a terminal that has room for intervals."""
COLUMNS = (("all", "ndcg@10"), ("all", "recall@20"), ("new", "ndcg@10"), ("new", "recall@20"), ("all", "coverage@20"))


def print_quality(console: Console, found: dict[str, Any]) -> None:
    console.print(quality_table(found, console.width >= WIDE))
    console.print(_best_line(found))
    for degradation, count in found["served"]["degradations"].items():
        console.print(f"{count} rankings did without something: {degradation}", markup=False)


def quality_table(found: dict[str, Any], wide: bool = True) -> Table:
    """Best first, by NDCG@10 of all items; where it is wide, with 95 % intervals."""
    table = Table(title=_title(found), title_justify="left", caption=_caption(found, wide), caption_justify="left")
    table.add_column("strategy", no_wrap=True)
    for question, metric in COLUMNS:
        table.add_column(metric if question == "all" else f"{metric} of new", justify="right")
    strategies = found["strategies"]
    for name in sorted(strategies, key=lambda name: -strategies[name]["all"]["ndcg@10"]):
        one = strategies[name]
        style = "bold" if name == found["reference"] else ""
        table.add_row(Text(name), *(_cell(one, question, metric, wide) for question, metric in COLUMNS), style=style)
    return table


def _cell(one: dict[str, Any], question: str, metric: str, wide: bool) -> str:
    value = one[question].get(metric)
    if value is None or not one[question]["coverage@20"]:  # nobody was asked, or it had nothing to say
        return "–"
    bounds = one["intervals"][question].get(metric) if wide and metric == "ndcg@10" else None
    return f"{value:.4f}" + (f" ({bounds[0]:.3f}–{bounds[1]:.3f})" if bounds else "")


def _title(found: dict[str, Any]) -> str:
    shoppers = found["counts"]["shoppers_all"]
    if found["protocol"] == "leave_one_out":
        return f"Each shopper's last goal event, held back, for {shoppers:,} shoppers"
    return (
        f"The {found['holdout_days']:g} days from {found['cutoff'][:16]}, held back, for {shoppers:,} shoppers"
        if isinstance(found["cutoff"], str)
        else f"Events from {found['cutoff']} on, held back, for {shoppers:,} shoppers"
    )


def _caption(found: dict[str, Any], wide: bool) -> str:
    intervals = "In brackets 95 % intervals. " if wide else ""
    return f"{intervals}New items: never bought before, for {found['counts']['shoppers_new']:,} shoppers."


def _best_line(found: dict[str, Any]) -> str:
    """How far the strategy is ahead of the best other one, and how sure that is."""
    reference = found["reference"]
    others = [name for name in found["comparisons"] if not name.startswith("recall.")]
    if not others:
        return ""
    rival = max(others, key=lambda name: found["strategies"][name]["all"]["ndcg@10"])
    against = found["comparisons"][rival]["all"]["ndcg@10"]
    low, high = against["interval"]
    return (
        f"{reference} against {rival}, the best other: NDCG@10 {against['difference']:+.4f} "
        f"(95 %: {low:+.4f} to {high:+.4f}; p = {against['p']:.4f}, adjusted)."
    )
