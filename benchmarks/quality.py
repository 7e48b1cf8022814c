"""How well the strategies rank the demo's shop, against baselines: `make quality`.

Holds back the last 28 days, trains on what lies before, ranks all items for everyone, prints a table, and writes
benchmarks/out/quality.json and quality.html. On the demo's shop it also checks the evaluation itself: baselines with
fixed settings, whose numbers are known from a script of its own that shares no code with Endcap.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from endcap.cli._bars import Bars
from endcap.cli._console import notices, results
from endcap.cli._demo.preparation import write_tables
from endcap.cli._quality import print_quality
from endcap.training.baselines.als import ALS
from endcap.training.baselines.contract import Baseline
from endcap.training.baselines.ease import EASE
from endcap.training.baselines.frequency import FREQUENCY_DECAYED
from endcap.training.baselines.popular import POPULAR
from endcap.training.baselines.rank import rank
from endcap.training.config import ShopConfig, load_config
from endcap.training.data.read import read_shop
from endcap.training.evaluate.evaluation import evaluate, held_out
from endcap.training.evaluate.given import Options
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.ranking import DEPTH
from endcap.training.evaluate.verdict import COMPARED, QUESTIONS, Asked
from endcap.training.progress import Progress
from endcap.training.report.page import page

OUT = Path(__file__).parent / "out"
DAYS, CLOSE = 28.0, 0.005
"""Two measurements of one method agree within CLOSE: ties, and what counts as one event, are never quite the same."""


class Known(NamedTuple):
    """A method with fixed settings, and what the other script measured of it."""

    name: str
    baseline: Baseline
    settings: dict[str, Any]
    values: tuple[float, ...]
    """NDCG@10 and recall@20 of all items; then of new items, where the method has something to say of those."""


KNOWN = (
    Known("popular, 28 days", POPULAR, {"days": 28.0}, (0.1675, 0.1244, 0.0388, 0.0427)),
    Known("frequency, half-life 60 days", FREQUENCY_DECAYED, {"half_life_days": 60.0}, (0.3959, 0.3017)),
    Known(
        "ALS, 64 factors, counts",
        ALS,
        {"weighting": "count", "alpha": 2.0, "regularization": 1.0},
        (0.1811, 0.1609, 0.0405, 0.0451),
    ),
    Known("EASE, 8,000 items", EASE, {"penalty": 300.0}, (0.2172, 0.1784, 0.0463, 0.0469)),
)


def main() -> None:
    options = _options()
    config = load_config(options.config or write_tables(options.work / "tables"))
    with Bars(notices()) as bars:
        found = evaluate(config, Options(holdout_days=DAYS, bundle=options.bundle, ablate=options.ablate), bars)
        if options.config is None:
            found["reproduced"] = list(reproduced(config, bars))
    OUT.mkdir(exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    (OUT / "quality.json").write_text(text + "\n", encoding="utf-8")
    (OUT / "quality.html").write_text(page(found), encoding="utf-8")
    console = results()
    print_quality(console, found)
    if "reproduced" in found:
        console.print(_table(found["reproduced"]))
    console.print(f"Wrote {OUT / 'quality.json'} and quality.html.")


def reproduced(config: ShopConfig, progress: Progress) -> Iterator[dict[str, Any]]:
    """Every known row measured by this evaluation, beside what it should be."""
    seed = config.training.seed
    holdout = held_out(read_shop(config, progress), Options(holdout_days=DAYS), seed)
    for done, known in enumerate(KNOWN):
        progress("checking the evaluation by known rows", done, len(KNOWN))
        measured = _measured(holdout, known, seed)[: len(known.values)]
        differences: list[float] = [ours - theirs for ours, theirs in zip(measured, known.values, strict=True)]
        largest: float = max(differences, key=abs)
        yield {
            "name": known.name,
            "settings": known.settings,
            "known": list(known.values),
            "measured": [round(value, 4) for value in measured],
            "largest_difference": round(largest, 4),
            "agrees": abs(largest) <= CLOSE,
        }


def _measured(holdout: Holdout, known: Known, seed: int) -> list[float]:
    scores = known.baseline.fit(holdout.known, seed, **known.settings)
    lists = rank(scores, holdout, np.arange(len(holdout.users)), DEPTH)
    found = []
    for question in QUESTIONS:
        values = Asked.of(holdout, question).values(getattr(lists, question))
        found += [float(values[metric].mean()) for metric in COMPARED]
    return found


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="The evaluation itself: known rows, measured again", title_justify="left")
    for name in ("method", "known", "measured", "largest difference", ""):
        table.add_column(name, justify="left" if name == "method" else "right")
    for row in rows:
        known, measured = (" / ".join(f"{value:.4f}" for value in row[name]) for name in ("known", "measured"))
        agrees = "agrees" if row["agrees"] else "[bold red]does not agree"
        table.add_row(row["name"], known, measured, f"{row['largest_difference']:+.4f}", agrees)
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".endcap/demo"), help="the demo's folder")
    parser.add_argument("--config", type=Path, help="another shop's shop.toml, instead of the demo's")
    parser.add_argument("--bundle", type=Path, help="a bundle trained before the last 28 days, instead of a new one")
    parser.add_argument("--ablate", action="store_true", help="also without each source and feature group; takes long")
    return parser.parse_args()


if __name__ == "__main__":
    main()
