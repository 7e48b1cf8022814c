"""What `endcap train` says of the BERT ranker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

WAYS = {"as it comes": "as_it_comes", "with a temperature": "temperature_scaled", "isotonic": "isotonic"}


def bert_table(found: dict[str, Any]) -> Table:
    """AUC, log loss and calibration, and what it adds to the trees; of requests that nothing learned from."""
    learning = found["learning"]
    taught = f"{learning['pairs']:,} pairs, {learning['layers']} layers, {found['precision']}"
    table = Table(title=f"The BERT ranker, unseen requests\n{taught}", title_justify="left")
    for name in ("", "AUC", "log loss", "calibration error"):
        table.add_column(name, justify="right" if name else "left")
    for name, judged in found["judged"].items():
        table.add_row(name, f"{judged['auc']:.4f}", f"{judged['log_loss']:.4f}", "")
    for kind, fused in found["fusion"].items():
        table.add_section()
        for row in _rows(kind, fused):
            table.add_row(*row)
    table.caption = "\n".join(_ahead(kind, fused) for kind, fused in found["fusion"].items())
    table.caption_justify = "left"
    return table


def _rows(kind: str, fused: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    yield f"best of a {kind}'s, by trees", f"{fused['auc_of_trees']:.4f}", "", ""
    for name, way in WAYS.items():
        numbers = fused[way]
        error = f"{numbers['expected_calibration_error']:.4f}"
        yield f"  by BERT, {name}", f"{fused['auc']:.4f}", f"{numbers['log_loss']:.4f}", error


def _ahead(kind: str, fused: dict[str, Any]) -> str:
    head, (low, high) = fused["head_ndcg@10"], fused["difference"]["interval"]
    return (
        f"NDCG@10 of {kind} requests' best 20: {head['trees']:.4f} by trees, {head['fused']:.4f} fused "
        f"({low:+.4f} to {high:+.4f})"
    )
