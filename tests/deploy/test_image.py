"""The image's steps, run as they are in the Dockerfile but in a virtual environment of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.live import Live
from .conftest import ROOT, tool

HEALTH_CHECK = ROOT / "deploy/image/healthcheck.py"
DOCKERFILE = ROOT / "deploy/image/Dockerfile"
STEPS = ROOT / "deploy/image/environment.sh"
LIMIT_MIB = 800
ONLY_FOR_TRAINING = ("torch", "transformers", "implicit", "pandas", "polars", "sklearn", "onnx", "pyarrow")

only_in_the_check = pytest.mark.skipif(
    "ENDCAP_DEPLOY_CHECK" not in os.environ, reason="installs an environment anew; `make deploy-check` does"
)


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    hadolint = tool("hadolint", ROOT / ".venv-deploy/bin/hadolint")
    done = hadolint(DOCKERFILE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_made_by_the_steps_that_are_tested() -> None:
    text = DOCKERFILE.read_text()
    assert text.count("RUN deploy/image/environment.sh") == 3
    assert "pip " not in "".join(line for line in text.splitlines() if not line.startswith("#"))
    assert "install /opt/endcap /wheels cpu\n" in text


def test_the_base_is_named_by_its_digest() -> None:
    bases = [line for line in DOCKERFILE.read_text().splitlines() if line.startswith("FROM ")]
    stages = {line.split()[-1] for line in bases}
    default = next(line for line in DOCKERFILE.read_text().splitlines() if line.startswith("ARG PYTHON_IMAGE="))
    assert "@sha256:" in default
    assert all(line.split()[1] in {"${PYTHON_IMAGE}", *stages} for line in bases)


def test_a_step_that_is_not_there_is_named() -> None:
    done = subprocess.run([STEPS, "wheel"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "found wheel, expected wheels or install" in done.stderr


@pytest.fixture(scope="module")
def environment() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="endcap-image-") as folder:
        steps = {**os.environ, "PYTHON": sys.executable, "PIP_NO_CACHE_DIR": "0"}
        subprocess.run([STEPS, "wheels", f"{folder}/wheels"], check=True, env=steps, timeout=900)
        subprocess.run(
            [STEPS, "install", f"{folder}/venv", f"{folder}/wheels", "cpu"], check=True, env=steps, timeout=900
        )
        yield Path(folder, "venv")


@only_in_the_check
def test_the_environment_keeps_to_its_size(environment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size_mib = sum(path.lstat().st_blocks * 512 for path in environment.rglob("*")) / 2**20
    with capsys.disabled():
        print(f"\nthe serving environment takes {size_mib:.0f} MiB of the {LIMIT_MIB} that it may")
    assert size_mib <= LIMIT_MIB


@only_in_the_check
def test_nothing_that_only_training_needs_is_in_it(environment: Path) -> None:
    ask = "import importlib.util as u, sys; print(*[name for name in sys.argv[1:] if u.find_spec(name)])"
    asked = (*ONLY_FOR_TRAINING, "pip", "pytest", "numpy")
    done = subprocess.run([environment / "bin/python", "-c", ask, *asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["numpy"]


@only_in_the_check
def test_it_serves_and_writes_nothing_but_temporary_files(
    environment: Path, trained_bundle: Path, tmp_path: Path
) -> None:
    before = _state(environment)
    with Installed(environment, trained_bundle, tmp_path) as live:
        healthy = live.run("python", HEALTH_CHECK, live.address)
        assert (healthy.returncode, healthy.stdout) == (0, f"{live.address}: SERVING\n")
        ranked = live.run("endcap", "rank", "--address", live.address, "--user", "u01")
        assert ranked.returncode == 0, ranked.stderr
        assert f"bundle {live.version}" in ranked.stdout
    gone = live.run("python", HEALTH_CHECK, live.address)
    assert (gone.returncode, gone.stdout) == (1, f"{live.address}: no answer from its health service: UNAVAILABLE\n")
    assert _state(environment) == before, "a read-only root file system would not have allowed this"
    assert list((tmp_path / "numba").rglob("*.nbc")), "each worker would compile anew"


class Installed(Live):
    """`endcap serve` of another environment, as in a container: nothing of this one's, and one folder to write to."""

    def __init__(self, environment: Path, bundle: Path, tmp: Path) -> None:
        self.variables = {
            "PATH": f"{environment}/bin:/usr/bin:/bin",
            "HOME": str(tmp),
            "TMPDIR": str(tmp),
            "NUMBA_CACHE_DIR": f"{tmp}/numba",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.environment, self.tmp = environment, tmp
        self.process = subprocess.Popen(
            [environment / "bin/endcap", "serve", f"--bundle={bundle}", "--port=0", "--metrics-port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.variables,
            cwd=tmp,
        )

    def run(self, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(self.environment / "bin" / program), *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.variables, cwd=self.tmp, timeout=60, check=False
        )


def _state(folder: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of every file, by its path."""
    return {path: (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")}
