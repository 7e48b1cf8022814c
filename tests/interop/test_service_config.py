"""One retry and balancing policy for all languages: what a client keeps of it is the same file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .driver import ROOT

SHARED = ROOT / "clients/service_config.json"
COPIES = (ROOT / "clients/go/endcap/service_config.json", ROOT / "clients/typescript/src/gen/service_config.ts")
"""Those that are committed; Java and C++ take the file when they are built."""


@pytest.mark.parametrize("copy", COPIES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_committed_copy_says_the_same(copy: Path) -> None:
    found = re.search(r"\{.*\}", copy.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    assert json.loads(found[0]) == json.loads(SHARED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("build", ["java/build.sh", "cpp/CMakeLists.txt"])
def test_a_build_takes_the_shared_file(build: str) -> None:
    assert "service_config.json" in (ROOT / "clients" / build).read_text(encoding="utf-8")
