from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.folder import Bundle, open_bundle
from endcap.bundle.manifest import Manifest
from endcap.bundle.writer import BundleWriter

MANIFEST = Manifest(
    version="", created="2024-01-01T00:00:00+00:00", shop="corner", data_start=0, data_end=9, horizon_days=1.0
)


def write(out: Path, value: int = 1, **changes: object) -> Path:
    with BundleWriter(out) as writer:
        writer.part("numbers").array("n", np.full(3, value))
        writer.part("numbers").json("names", {"b": 1, "a": "ä"})
        return writer.seal(MANIFEST.model_copy(update=changes))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_sealed_bundle_holds_its_files_and_a_manifest_of_them(tmp_path: Path) -> None:
    folder = write(tmp_path / "out")
    bundle = open_bundle(folder)
    assert folder.parent == tmp_path / "out"
    assert sorted(bundle.manifest.files) == ["numbers/n.npy", "numbers/names.json"]
    assert bundle.manifest.version == folder.name
    assert folder.name.startswith("corner-")
    assert bundle.part("numbers").array("n").tolist() == [1, 1, 1]
    assert bundle.part("numbers").json("names") == {"a": "ä", "b": 1}
    assert names_in(tmp_path / "out") == [folder.name]


def test_equal_content_has_an_equal_version_whenever_it_was_made(tmp_path: Path) -> None:
    one = write(tmp_path / "one")
    other = write(tmp_path / "other", created="2025-01-01T00:00:00+00:00", version="whatever")
    assert one.name == other.name


def test_other_content_or_other_settings_have_another_version(tmp_path: Path) -> None:
    versions = {
        write(tmp_path).name,
        write(tmp_path, value=2).name,
        write(tmp_path, strategies={"mine": {"score": "shuffle"}}).name,
        write(tmp_path, data_end=10).name,
        write(tmp_path, shop="other").name,
    }
    assert len(versions) == 5


def test_equal_content_written_again_keeps_its_folder_with_the_new_date(tmp_path: Path) -> None:
    first = write(tmp_path)
    inode = (first / "numbers" / "n.npy").stat().st_ino
    again = write(tmp_path, created="2025-01-01T00:00:00+00:00")
    assert again == first
    assert open_bundle(again).manifest.created.startswith("2025")
    assert (again / "numbers" / "n.npy").stat().st_ino == inode
    assert names_in(tmp_path) == [first.name]


def test_a_damaged_copy_of_equal_content_is_replaced(tmp_path: Path) -> None:
    first = write(tmp_path)
    (first / "numbers" / "n.npy").write_bytes(b"torn")
    again = write(tmp_path)
    assert again == first
    assert open_bundle(again).part("numbers").array("n").tolist() == [1, 1, 1]
    assert names_in(tmp_path) == [first.name]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError])
def test_an_interrupted_write_leaves_nothing(tmp_path: Path, interruption: type[BaseException]) -> None:
    def train() -> None:
        with BundleWriter(tmp_path / "out") as writer:
            writer.part("numbers").array("n", np.arange(3))
            raise interruption

    with pytest.raises(interruption):
        train()
    assert names_in(tmp_path / "out") == []


def test_leaving_without_a_seal_leaves_nothing(tmp_path: Path) -> None:
    with BundleWriter(tmp_path) as writer:
        writer.part("numbers").array("n", np.arange(3))
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_seal_that_fails_half_way_leaves_nothing_and_no_half_bundle_is_ever_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object) -> None:
        assert [name for name in names_in(tmp_path) if not name.startswith(".")] == []
        raise OSError("disk full")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="disk full"):
        write(tmp_path)
    assert names_in(tmp_path) == []


def test_a_sealed_bundle_can_be_read_by_other_accounts(tmp_path: Path) -> None:
    assert write(tmp_path).stat().st_mode & 0o555 == 0o555


def test_files_are_equal_byte_by_byte_from_one_time_to_the_next(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one"), write(tmp_path / "other")
    for path in [path for path in one.rglob("*") if path.is_file()]:
        assert path.read_bytes() == (other / path.relative_to(one)).read_bytes()


def test_json_does_not_depend_on_the_order_in_which_keys_came(tmp_path: Path) -> None:
    with BundleWriter(tmp_path) as writer:
        part = writer.part("numbers")
        part.json("one", {"b": 1, "a": 2})
        part.json("other", {"a": 2, "b": 1})
        assert (part.folder / "one.json").read_bytes() == (part.folder / "other.json").read_bytes()


def test_a_part_can_be_shared_from_another_bundle_without_a_copy(tmp_path: Path) -> None:
    first = write(tmp_path)
    with BundleWriter(tmp_path) as writer:
        writer.share("numbers", first)
        writer.part("more").json("x", 1)
        second = writer.seal(MANIFEST)
    one, other = (folder / "numbers" / "n.npy" for folder in (first, second))
    assert one.stat().st_ino == other.stat().st_ino
    assert open_bundle(second).part("numbers").array("n").tolist() == [1, 1, 1]


def test_what_is_written_so_far_can_be_ranked_with(tmp_path: Path) -> None:
    with BundleWriter(tmp_path) as writer:
        writer.part("numbers").array("n", np.arange(3))
        preview: Bundle = writer.preview(MANIFEST)
        assert preview.part("numbers").array("n").tolist() == [0, 1, 2]


def refuse(write: Callable[[], None]) -> None:
    with pytest.raises(ValueError, match=r"pickle|JSON compliant"):
        write()


def test_objects_and_nan_are_refused_where_readers_could_not_take_them(tmp_path: Path) -> None:
    with BundleWriter(tmp_path) as writer:
        part = writer.part("numbers")
        refuse(lambda: part.array("objects", np.array([{}], object)))
        refuse(lambda: part.json("nan", {"x": float("nan")}))


def test_the_manifest_is_json_that_people_can_read(tmp_path: Path) -> None:
    text = (write(tmp_path) / "bundle.json").read_text()
    assert text.count("\n") > 10
    assert json.loads(text)["shop"] == "corner"
