"""`make interop`: the interop tests, told as one line a language and case."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

LONGEST = 1_000
"""Characters of a failure that are shown; `pytest tests/interop` shows all."""


class Lines:
    """What pytest reports, as `python rank-user ok 12 ms`."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            how = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}[report.outcome]
            self.ended[how] += 1
            print(f"{title(report.nodeid)} {how} {_more(report)}".rstrip(), flush=True)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            print(report.longreprtext, flush=True)

    def pytest_sessionfinish(self) -> None:
        print(", ".join(f"{count} {how}" for how, count in self.ended.items()) or "nothing was run")


def title(nodeid: str) -> str:
    """Language and case: test_interop.py::test_case[go-rank-user] is "go rank-user"."""
    test, _, chosen = nodeid.rpartition("::")[2].rstrip("]").partition("[")
    language, _, case = chosen.partition("-")
    return f"{language} {case or test.removeprefix('test_').replace('_', '-')}"


def _more(report: pytest.TestReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        return " ".join(str(getattr(crash, "message", report.longreprtext)).split())[:LONGEST]
    return " ".join(f"{value:.0f} ms" for name, value in report.user_properties if name == "ms")


if __name__ == "__main__":
    tests = str(Path(__file__).with_name("test_interop.py"))
    sys.exit(pytest.main(["-p", "no:terminal", tests, *sys.argv[1:]], plugins=[Lines()]))
