"""What `endcap train` says at the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from endcap.bundle.manifest import Manifest
    from endcap.cli._training import Outcome
    from endcap.training.cleaning_report import CleaningReport


def print_summary(console: Console, outcome: Outcome) -> None:
    trained = outcome.trained
    console.print(cleaning_table(trained.cleaning), counts_line(trained.manifest), sep="\n")
    if trained.manifest.metrics.get("strategies"):
        console.print(metrics_table(trained.manifest))
    if not trained.manifest.event_weights:
        console.print(_without_events_line(trained.left_out), soft_wrap=True)
    console.print(_steps_line(outcome))


def summary_json(outcome: Outcome) -> str:
    """One JSON object on one line."""
    trained, cleaning = outcome.trained, outcome.trained.cleaning
    summary: dict[str, Any] = {
        "bundle": str(trained.folder),
        "version": trained.folder.name,
        "counts": trained.manifest.counts,
        "metrics": trained.manifest.metrics,
        "seconds": trained.seconds,
        "peak_memory_mib": round(outcome.peak_mib),
        "cleaning": {
            "read": cleaning.read,
            "kept": cleaning.kept,
            "drops": [{"table": d.table, "reason": d.reason, "rows": d.count} for d in cleaning.drops],
        },
    }
    return json.dumps(summary)


def cleaning_table(report: CleaningReport) -> Table:
    """For every table what was read, what was dropped and why, and what was kept."""
    table = Table(title="The shop's tables", title_justify="left")
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("")
    for name, read in report.read.items():
        table.add_row(name, f"{read:,}", "read")
        for drop in report.drops_of(name):
            example = f" (such as {drop.example})" if drop.example else ""
            table.add_row("", f"-{drop.count:,}", Text(f"{drop.reason}{example}"))
        table.add_row("", f"{report.kept.get(name, 0):,}", "kept", end_section=True)
    return table


def counts_line(manifest: Manifest) -> str:
    return "Learned from " + ", ".join(f"{count:,} {name}" for name, count in sorted(manifest.counts.items())) + "."


def metrics_table(manifest: Manifest) -> Table:
    """Every strategy that was judged, the best first."""
    judged, shoppers = manifest.metrics["strategies"], manifest.metrics["window"]["shoppers"]
    table = Table(title=f"The last {manifest.horizon_days:g} days, unseen\n{shoppers:,} shoppers", title_justify="left")
    table.add_column("strategy")
    names = sorted({name for metrics in judged.values() for name in metrics})
    for name in names:
        table.add_column(name, justify="right")
    for strategy, metrics in sorted(judged.items(), key=lambda entry: -entry[1]["ndcg@10"]):
        table.add_row(strategy, *(f"{metrics[name]:.4f}" for name in names))
    return table


def _without_events_line(left_out: list[str]) -> str:
    return f"The shop has no [events] to learn from, so these strategies are not offered: {', '.join(left_out)}."


def _steps_line(outcome: Outcome) -> str:
    steps = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in outcome.trained.seconds.items())
    return f"Took {outcome.seconds:.0f} s ({steps}) and at most {outcome.peak_mib / 1024:.2f} GiB of memory."
