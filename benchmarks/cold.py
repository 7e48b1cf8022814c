"""How new items and new shoppers of the demo's shop fare: `python benchmarks/cold.py`.

Hides items and shoppers from training, holds back the last 28 days, asks for what was hidden, prints two tables, and
writes benchmarks/out/cold.json and cold.html.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from endcap.cli._bars import Bars
from endcap.cli._cold import print_cold
from endcap.cli._console import notices, results
from endcap.cli._demo.preparation import write_tables
from endcap.training.config import load_config
from endcap.training.evaluate.cold.evaluation import ColdOptions, evaluate_cold
from endcap.training.report.cold import cold_page

OUT = Path(__file__).parent / "out"


def main() -> None:
    options = _options()
    config = load_config(options.config or write_tables(options.work / "tables"))
    with Bars(notices()) as bars:
        found = evaluate_cold(config, ColdOptions(options.items, options.shoppers), bars)
    options.out.mkdir(exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    (options.out / "cold.json").write_text(text + "\n", encoding="utf-8")
    (options.out / "cold.html").write_text(cold_page(found), encoding="utf-8")
    console = results()
    print_cold(console, found)
    console.print(f"Wrote {options.out / 'cold.json'} and cold.html.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".endcap/demo"), help="the demo's folder")
    parser.add_argument("--config", type=Path, help="another shop's shop.toml, instead of the demo's")
    parser.add_argument("--items", type=float, default=0.05, help="the share of the items that is hidden")
    parser.add_argument("--shoppers", type=float, default=0.1, help="the share of the shoppers that is hidden")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder for cold.json and cold.html")
    return parser.parse_args()


if __name__ == "__main__":
    main()
