"""What `endcap train` says at the end."""

from __future__ import annotations

import json
from pathlib import Path
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
    if found := trained.manifest.metrics.get("bert"):
        from endcap.cli._bert import bert_table

        console.print(bert_table(found))
    if told := text_line(trained.folder / "text"):
        console.print(told, soft_wrap=True)
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


def text_line(part: Path) -> str:
    """What became of the text model: how it was taught, how exact it is, and why it isn't int8 where it isn't."""
    if not (part / "encoder.json").is_file():
        return ""
    encoder = json.loads((part / "encoder.json").read_text(encoding="utf-8"))
    learning = part / "learning.json"
    report = json.loads(learning.read_text(encoding="utf-8")) if learning.is_file() else {}
    parity = encoder["parity"]
    told = f"Text model {encoder['model']}{_taught(report)} as {encoder['precision']}"
    told += f" (cosine {parity['cosine']:.3f} to fp32, {parity['neighbour_overlap']:.3f} of the ten nearest)"
    return f"{told}: {encoder['note']}." if encoder["note"] else f"{told}."


def _taught(report: dict[str, Any]) -> str:
    told = ""
    if tuned := report.get("finetune"):
        first, best = tuned["history"][0]["score"], max(entry["score"] for entry in tuned["history"])
        told += f", fine-tuned by {tuned['method']} to step {tuned['best_step']} of {tuned['steps']}"
        told += f" (mean reciprocal rank {first:.3f} before, {best:.3f} now)" if tuned["validation_pairs"] else ""
    if fewer := report.get("distilled"):
        told += f", distilled to {fewer['layers']} of {fewer['of']} layers (cosine {fewer['cosine']:.3f} to the whole)"
    return told


def _steps_line(outcome: Outcome) -> str:
    steps = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in outcome.trained.seconds.items())
    return f"Took {outcome.seconds:.0f} s ({steps}) and at most {outcome.peak_mib / 1024:.2f} GiB of memory."
