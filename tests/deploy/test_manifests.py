"""The kustomize base and its components are the chart's, and valid."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import ROOT, Manifest, Tool, of_kind

KUSTOMIZE = ROOT / "deploy/kustomize"


def test_they_are_what_the_chart_makes(helm: Tool, tmp_path: Path) -> None:
    made = tmp_path / "kustomize"
    subprocess.run([sys.executable, ROOT / "deploy/render.py", made, tmp_path / "golden"], check=True)
    assert _files(made) == _files(KUSTOMIZE), "deploy/kustomize is stale: run `make manifests`"


def test_the_base_is_valid(kubectl: Tool, checkers: Tool, tmp_path: Path) -> None:
    manifests = _built(kubectl, KUSTOMIZE / "base")
    assert {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"} <= {each["kind"] for each in manifests}
    _check(checkers, manifests, tmp_path)


def test_an_overlay_with_every_component_is_valid(kubectl: Tool, checkers: Tool, overlay: Path, tmp_path: Path) -> None:
    manifests = _built(kubectl, overlay)
    assert {each["metadata"]["namespace"] for each in manifests} == {"shop"}
    deployment = of_kind(manifests, "Deployment")[0]
    assert "replicas" not in deployment["spec"], "the autoscaler counts them"
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "images.example/endcap:2026.11"
    assert of_kind(manifests, "PrometheusRule")
    assert of_kind(manifests, "ServiceMonitor")
    _check(checkers, [each for each in manifests if "monitoring" not in each["apiVersion"]], tmp_path)


def test_nothing_says_that_helm_manages_it(kubectl: Tool, overlay: Path) -> None:
    for manifest in _built(kubectl, overlay):
        assert not {"helm.sh/chart", "app.kubernetes.io/managed-by"} & set(manifest["metadata"]["labels"])


def test_the_operators_own_models_take_what_is_for_prometheus(checkers: Tool, tmp_path: Path) -> None:
    files = sorted((KUSTOMIZE / "monitoring").glob("[ps]*.yaml"))
    assert len(files) == 2
    text = files[1].read_text()
    for found, wrong in {"interval: 15s": "intervall: 15s", "port: metrics": "port: [1]"}.items():
        assert found in text
        (tmp_path / f"{wrong[:5]}.yaml").write_text(text.replace(found, wrong))
    done = checkers(ROOT / "tests/deploy/operator_models.py", *files, *tmp_path.iterdir())
    refused = {Path(line.partition(": ")[0]).name for line in done.stdout.splitlines() if line.startswith("/")}
    assert refused == {"inter.yaml", "port:.yaml"}, done.stdout + done.stderr


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """As an operator writes it, beside a copy of the base: kustomize takes no absolute paths."""
    for source in (path for path in KUSTOMIZE.rglob("*.yaml")):
        copy = tmp_path / source.relative_to(KUSTOMIZE)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(source.read_bytes())
    folder = tmp_path / "overlay"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(
        """\
namespace: shop
resources: [../base]
components: [../monitoring, ../autoscaling]
images: [{ name: endcap, newName: images.example/endcap, newTag: "2026.11" }]
"""
    )
    return folder


def _built(kubectl: Tool, folder: Path) -> list[Manifest]:
    done = kubectl("kustomize", folder)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def _check(checkers: Tool, manifests: list[Manifest], folder: Path) -> None:
    path = folder / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(manifests))
    done = checkers("-m", "kubernetes_validate", "-k", "1.35", "--strict", path)
    assert (done.returncode, done.stdout.count("passed")) == (0, len(manifests)), done.stdout + done.stderr


def _files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.yaml")}
