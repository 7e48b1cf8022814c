"""The tools that `make deploy-check` fetches; without them a test is skipped by name, in the check itself it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "deploy/helm/endcap"
VALUES = sorted((ROOT / "tests/deploy/values").glob("*.yaml"), key=lambda path: path.stem)

Tool = Callable[..., subprocess.CompletedProcess[str]]
Manifest = dict[str, Any]


def tool(name: str, path: Path | None = None) -> Tool:
    """Runs a program with the given arguments and returns how it ended, whatever its exit code."""
    found = shutil.which(path or name)
    if found is None and os.environ.get("ENDCAP_DEPLOY_CHECK"):
        pytest.fail(f"{name} is missing; deploy/tools.sh should have fetched it")
    if found is None:
        pytest.skip(f"{name} is missing; `make deploy-check` fetches it")

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [found, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)

    return run


@pytest.fixture(scope="session")
def helm() -> Tool:
    return tool("helm", ROOT / ".tools/helm")


@pytest.fixture(scope="session")
def kubectl() -> Tool:
    return tool("kubectl", ROOT / ".tools/kubectl")


@pytest.fixture(scope="session")
def checkers() -> Tool:
    """The Python that has the checkers of manifests and of the compose file."""
    return tool("the environment .venv-deploy", ROOT / ".venv-deploy/bin/python")


Render = Callable[..., list[Manifest]]


@pytest.fixture(scope="session")
def render(helm: Tool) -> Render:
    """The manifests that the chart makes of the given arguments."""

    @cache
    def render(*arguments: str) -> list[Manifest]:
        done = helm("template", "endcap", CHART, "--namespace", "shop", *arguments)
        assert done.returncode == 0, done.stderr
        return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]

    return render


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def pod_specs(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The name and the pod spec of all that starts pods."""
    for manifest in manifests:
        spec = manifest["spec"] if manifest["kind"] == "Deployment" else None
        spec = manifest["spec"]["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec
        if spec:
            yield f"{manifest['kind']} {manifest['metadata']['name']}", spec["template"]["spec"]
