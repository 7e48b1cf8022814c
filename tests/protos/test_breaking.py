"""`make breaking` fails for what would break a caller, and for nothing else. Run on copies of the contract."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
RANKING = "protos/endcap/v1/ranking.proto"


class Copy:
    """The contract, and what `make breaking` reads beside it, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "protos", folder / "protos")
        shutil.copy(ROOT / "buf.yaml", folder)
        (folder / "tests/protos").mkdir(parents=True)
        shutil.copy(ROOT / "tests/protos/released.binpb", folder / "tests/protos")

    def edit(self, before: str, after: str) -> None:
        path = self.folder / RANKING
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{before!r} is in {RANKING} {text.count(before)} times"
        path.write_text(text.replace(before, after), encoding="utf-8")

    def git(self, *arguments: str) -> None:
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.invalid")
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True)

    def breaking(self) -> subprocess.CompletedProcess[str]:
        command = ["make", "-f", str(ROOT / "Makefile"), "breaking", f"BIN={BIN}", "INSTALLED="]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_the_contract_as_it_is_breaks_nobody(copy: Copy) -> None:
    ended = copy.breaking()
    assert ended.returncode == 0, ended.stdout
    assert "protos against tests/protos/released.binpb" in ended.stdout


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("  int32 candidate_count = 10;\n", "", 'field "10" with name "candidate_count"'),
        ("  int32 candidate_count = 10;\n", "  reserved 10;\n", 'field "10" with name "candidate_count"'),
        ("int32 candidate_count = 10;", "int32 candidate_count = 12;", 'field "10" with name "candidate_count"'),
        ("int32 candidate_count = 10;", "int32 considered_count = 10;", "changed name"),
        ("int32 candidate_count = 10;", "string candidate_count = 10;", "changed type"),
        ("repeated string missing_item_ids = 6;", "string missing_item_ids = 6;", "changed cardinality"),
        ("  DEGRADATION_REASON_OVERLOADED = 4;\n", "", 'enum value "4" on enum "DegradationReason"'),
        ("rpc Rank(RankRequest) returns", "rpc Rank(stream RankRequest) returns", "client streaming"),
        ("  rpc ExplainItem(ExplainItemRequest) returns (ExplainItemResponse);\n", "", "ExplainItem"),
    ],
)
def test_what_would_break_a_caller_fails_and_is_named(copy: Copy, before: str, after: str, said: str) -> None:
    copy.edit(before, after)
    ended = copy.breaking()
    assert ended.returncode != 0
    assert said in ended.stdout


def add_a_field(copy: Copy) -> None:
    copy.edit("  int32 candidate_count = 10;\n", "  int32 candidate_count = 10;\n  // New.\n  string novelty = 12;\n")


def add_a_reason(copy: Copy) -> None:
    copy.edit("  REASON_CODE_OTHER = 14;\n", "  REASON_CODE_OTHER = 14;\n  // New.\n  REASON_CODE_NEW = 15;\n")


@pytest.mark.parametrize("add", [add_a_field, add_a_reason])
def test_what_is_added_breaks_nobody(copy: Copy, add: Callable[[Copy], None]) -> None:
    add(copy)
    ended = copy.breaking()
    assert ended.returncode == 0, ended.stdout


def test_the_latest_tag_counts_where_the_clone_has_one(copy: Copy) -> None:
    copy.git("init", "--quiet")
    for tag in ("v0.9.0", "v0.10.0"):
        copy.git("add", ".")
        copy.git("commit", "--quiet", "--allow-empty", "--message", tag)
        copy.git("tag", tag)
        if tag == "v0.9.0":
            add_a_field(copy)
    copy.edit("  // New.\n  string novelty = 12;\n", "")
    ended = copy.breaking()
    assert "protos against .git#tag=v0.10.0" in ended.stdout
    assert ended.returncode != 0
    assert 'field "12" with name "novelty"' in ended.stdout
