"""Render the chart into what is committed of it, as `make manifests` does: `render.py KUSTOMIZE GOLDEN`.

KUSTOMIZE becomes a base and components, a file a resource. GOLDEN gets a file for each set of values in tests/deploy.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
CHART: Final = ROOT / "deploy/helm/endcap"
VALUES: Final = ROOT / "tests/deploy/values"
HELM: Final = ROOT / ".tools/helm"

HEADER: Final = "# Made from deploy/helm/endcap by `make manifests`: change it there.\n"
OF_HELM: Final = re.compile(r"^ +(helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n", re.MULTILINE)
"""Labels that would claim that Helm installed it."""
MONITORING: Final = ("ServiceMonitor", "PrometheusRule")
EVERYTHING: Final = (
    "--set=serviceMonitor.enabled=true",
    "--set=prometheusRule.enabled=true",
    "--set=autoscaling.enabled=true",
)
UNCOUNTED: Final = """\
patches:
  # The autoscaler counts the pods.
  - target:
      kind: Deployment
      name: endcap
    patch: |
      - op: remove
        path: /spec/replicas
"""


class Resource(NamedTuple):
    kind: str
    name: str
    text: str

    @property
    def file(self) -> str:
        return f"{self.kind.lower()}-{self.name}.yaml"


def main(kustomize: Path, golden: Path) -> None:
    write_kustomize(kustomize)
    write_golden(golden)


def write_kustomize(folder: Path) -> None:
    base = list(resources(template()))
    more = [each for each in resources(template(*EVERYTHING)) if each.file not in {known.file for known in base}]
    monitoring = [each for each in more if each.kind in MONITORING]
    autoscaling = [each for each in more if each.kind not in MONITORING]
    _write_folder(folder / "base", "Kustomization", base)
    _write_folder(folder / "monitoring", "Component", monitoring)
    _write_folder(folder / "autoscaling", "Component", autoscaling, UNCOUNTED)


def write_golden(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for values in sorted(VALUES.glob("*.yaml")):
        (folder / values.name).write_text(template(f"--values={values}"), encoding="utf-8")


def template(*arguments: str) -> str:
    """What `helm template` makes. Its errors go to stderr and end this script."""
    command = [str(HELM), "template", "endcap", str(CHART), "--namespace", "shop", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def resources(text: str) -> Iterator[Resource]:
    """Each resource of a render, without what only Helm needs."""
    for part in re.split(r"^---\n", text, flags=re.MULTILINE):
        if kind := re.search(r"^kind: (\S+)$", part, re.MULTILINE):
            name = re.search(r"^metadata:\n  name: (\S+)$", part, re.MULTILINE)
            assert name, part
            without = OF_HELM.sub("", re.sub(r"^# Source: .*\n", "", part))
            yield Resource(kind[1], name[1], without.rstrip() + "\n")


def _write_folder(folder: Path, kind: str, found: list[Resource], more: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.yaml"):
        old.unlink()
    for resource in found:
        (folder / resource.file).write_text(HEADER + resource.text, encoding="utf-8")
    version = "v1beta1" if kind == "Kustomization" else "v1alpha1"
    listed = "".join(f"  - {name}\n" for name in sorted(resource.file for resource in found))
    text = f"{HEADER}apiVersion: kustomize.config.k8s.io/{version}\nkind: {kind}\nresources:\n{listed}{more}"
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
