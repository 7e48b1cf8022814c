"""Hold manifests against the Prometheus operator's models; run by the Python of .venv-deploy, as `… FILES`.

The models refuse what is of a wrong type or missing and pass over what they do not know: so what they kept is compared
with what they were given.
"""

from __future__ import annotations

import sys
from typing import Any

import yaml
from cloudcoil.models.prometheus_operator import v1


def main(files: list[str]) -> int:
    faults = [f"{name}: {fault}" for name in files for fault in _faults(name)]
    print("\n".join(faults) or f"{len(files)} files are as the operator wants them")
    return 1 if faults else 0


def _faults(name: str) -> list[str]:
    with open(name, encoding="utf-8") as file:
        manifest = yaml.safe_load(file)
    try:
        kept = getattr(v1, manifest["kind"]).model_validate(manifest)
    except ValueError as error:
        return [str(error)]
    return _dropped(manifest, kept.model_dump(mode="json", by_alias=True, exclude_unset=True), "")


def _dropped(given: Any, kept: Any, at: str) -> list[str]:
    if isinstance(given, dict):
        kept = kept if isinstance(kept, dict) else {}
        unknown = [f"{at}/{key} is unknown" for key in given if key not in kept]
        return unknown + [
            each for key in given if key in kept for each in _dropped(given[key], kept[key], f"{at}/{key}")
        ]
    if isinstance(given, list):
        pairs = zip(given, kept, strict=True)
        return [each for number, pair in enumerate(pairs) for each in _dropped(*pair, f"{at}/{number}")]
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
