from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.strategies.compiled import INT, SINGLES, TO_SINGLES, kernel

MODULE = """
from endcap.strategies.compiled import compiled

@compiled
def twice(number):
    return 2 * number
"""
RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from own import twice
print(twice(21), sum(twice.stats.cache_hits.values()), twice.stats.cache_path)
"""


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    """A folder with a module, which nobody may write to, nor to the home folder in it."""
    folder = tmp_path / "source"
    (folder / "home").mkdir(parents=True)
    (folder / "own.py").write_text(MODULE)
    for each in (folder / "home", folder):
        each.chmod(0o555)
    yield folder
    folder.chmod(0o755)


def run(source: Path, temporary: Path) -> list[str]:
    bounded = ["setpriv", "--bounding-set=-dac_override"] if os.getuid() == 0 else []  # root writes where it may not
    ran = subprocess.run(
        [*bounded, sys.executable, "-B", "-c", RUN, str(source)],
        env={"PATH": os.environ["PATH"], "HOME": str(source / "home"), "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return ran.stdout.split()


def test_where_nothing_else_can_be_written_code_is_kept_in_a_folder_of_ones_own(source: Path, tmp_path: Path) -> None:
    own = tmp_path / f"endcap-compiled-{os.getuid()}"
    first, second = run(source, tmp_path), run(source, tmp_path)
    assert (first[:2], second[:2]) == (["42", "0"], ["42", "1"])
    assert first[2].startswith(f"{own}{os.sep}")
    assert own.stat().st_mode & 0o077 == 0


def test_a_folder_that_others_can_write_to_is_not_trusted(source: Path, tmp_path: Path) -> None:
    planted = tmp_path / f"endcap-compiled-{os.getuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    answer, hits, folder = run(source, tmp_path)
    assert (answer, hits) == ("42", "0")
    assert folder.startswith(f"{planted}-")
    assert not list(planted.iterdir())


@kernel(INT(SINGLES, TO_SINGLES))
def _double(values: Array, doubled: Array) -> int:
    for row in range(len(values)):
        doubled[row] = 2 * values[row]
    return len(values)


@pytest.mark.parametrize("writable", [True, False])
def test_a_kernel_takes_what_it_only_reads_whether_or_not_it_may_be_written(writable: bool) -> None:
    values, doubled = np.array([1, 2], np.float32), np.zeros(2, np.float32)
    values.setflags(write=writable)
    assert _double(values, doubled) == 2
    assert doubled.tolist() == [2, 4]


def test_a_kernel_is_compiled_before_its_first_call_and_never_again() -> None:
    assert len(_double.signatures) == 1
    for strange in (np.zeros(2), np.zeros(4, np.float32)[::2]):
        with pytest.raises(TypeError, match="No matching definition"):
            _double(strange, np.zeros(2, np.float32))
    assert len(_double.signatures) == 1
