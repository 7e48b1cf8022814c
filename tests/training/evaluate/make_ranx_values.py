"""Writes ranx_values.json, the numbers that test_metrics.py compares with. ranx brings numba, pandas and dozens of
packages more, so it is no dependency of the tests: run this in an environment of its own.

    python -m venv /tmp/ranx && /tmp/ranx/bin/pip install ranx && /tmp/ranx/bin/python make_ranx_values.py
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ranx import Qrels, Run, evaluate  # type: ignore[import-not-found]

SHOPPERS, ITEMS, DEPTH = 40, 60, 20
METRICS = ("ndcg", "recall", "hit_rate", "mrr", "map", "precision")


def main() -> None:
    random = np.random.default_rng(3)
    ratings, lists = {}, {}
    for number in range(SHOPPERS):
        shopper = f"u{number:02}"
        relevant = random.choice(ITEMS, random.integers(1, 40), replace=False)
        ratings[shopper] = {f"i{item}": int(random.integers(1, 4)) for item in relevant}
        lists[shopper] = [f"i{item}" for item in random.choice(ITEMS, random.integers(3, DEPTH + 1), replace=False)]
    run = Run(
        {shopper: {item: float(DEPTH - place) for place, item in enumerate(items)} for shopper, items in lists.items()}
    )
    binary = Qrels({shopper: dict.fromkeys(items, 1) for shopper, items in ratings.items()})
    names = [f"{metric}@{k}" for metric in METRICS for k in (5, 10, 20)]
    graded = [f"ndcg_burges@{k}" for k in (5, 10, 20)]
    values = per_shopper(binary, run, names) | per_shopper(Qrels(ratings), run, graded)
    table = {"ranx": version("ranx"), "ratings": ratings, "lists": lists, "values": values}
    Path(__file__).with_name("ranx_values.json").write_text(json.dumps(table, indent=None, sort_keys=True) + "\n")


def per_shopper(qrels: Qrels, run: Run, names: list[str]) -> dict[str, list[float]]:
    """A value a shopper, in the order of their ids, by metric."""
    found = evaluate(qrels, run, names, return_mean=False)
    return {name: [round(float(value), 9) for value in found[name]] for name in names}


if __name__ == "__main__":
    main()
