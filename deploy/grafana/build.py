"""Write deploy/grafana/dashboards/*.json, or into another folder, where one is given: `make dashboards`.

Needs grafana-foundation-sdk, which `make deploy-check` installs into .venv-deploy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import overview
import pipeline
import processes
import quality
from grafana_foundation_sdk.cog.encoder import JSONEncoder

OUT = Path(__file__).parent / "dashboards"


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for module in (overview, pipeline, quality, processes):
        text = json.dumps(module.build(), cls=JSONEncoder, indent=2, sort_keys=True)
        (out / f"{module.__name__}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
