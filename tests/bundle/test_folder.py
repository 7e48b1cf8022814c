from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.bundle.folder import Bundle, BundleError, Part, open_bundle
from endcap.bundle.manifest import MANIFEST_NAME
from endcap.strategies.testing import made, tiny_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_bundle(tmp_path).folder


def rewrite(folder: Path, **changes: Any) -> None:
    path = folder / MANIFEST_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as error:
        open_bundle(folder)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_what_was_written_is_what_is_read(folder: Path) -> None:
    bundle = open_bundle(folder)
    assert len(bundle.catalog) == len(bundle.catalog.titles) == made.ITEMS
    assert bundle.catalog.ids.numbers(["i00", "i47", "nobody's"]).tolist() == [0, 47, -1]
    assert bundle.users.numbers(["u3"]).tolist() == [3]
    assert bundle.catalog.columns["price"].value(0) == 1.0
    assert len(bundle.histories.of(made.HEAVY)) == 160
    assert len(bundle.histories.of(-1)) == len(bundle.histories.of(made.NEWCOMER)) == 0
    assert sum(len(bundle.histories.of(user)) for user in range(made.SHOPPERS)) == len(bundle.histories.log)


def test_arrays_are_mapped_and_cannot_be_written(folder: Path) -> None:
    factors = open_bundle(folder).part("als").array("item_factors")
    assert type(factors) is np.ndarray
    base: Any = factors
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        factors[0] = 1


def test_an_array_of_no_rows_can_be_mapped_too(tmp_path: Path) -> None:
    np.save(tmp_path / "none.npy", np.empty((0, 3), np.float32))
    assert Part(tmp_path).array("none").shape == (0, 3)


def test_python_objects_in_an_array_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        Part(tmp_path).array("objects")


def change_a_byte(folder: Path) -> str:
    path = folder / "als" / "item_factors.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return "als/item_factors.npy was changed: sha256 "


def cut_short(folder: Path) -> str:
    path = folder / "popular" / "items.npy"
    path.write_bytes(path.read_bytes()[:-4])
    return "popular/items.npy was changed: sha256 "


def remove_a_file(folder: Path) -> str:
    (folder / "covisit" / "neighbours.npy").unlink()
    return "lacks covisit/neighbours.npy; copy the bundle again"


def add_a_file(folder: Path) -> str:
    (folder / "als" / "more.npy").write_bytes(b"")
    return "holds files that its manifest does not name: als/more.npy"


def use_another_format(folder: Path) -> str:
    rewrite(folder, format=99)
    return "bundle format 99, expected 1; train it again"


def leave_out_a_value(folder: Path) -> str:
    rewrite(folder, data_end="soon")
    return "bundle.json is not a bundle manifest: data_end: "


def add_a_key(folder: Path) -> str:
    rewrite(folder, surprise=1)
    return "bundle.json is not a bundle manifest: surprise: "


def write_no_json(folder: Path) -> str:
    (folder / MANIFEST_NAME).write_text("{")
    return "bundle.json is not a bundle manifest: "


def write_a_list(folder: Path) -> str:
    (folder / MANIFEST_NAME).write_text("[]")
    return "bundle.json is not a bundle manifest: found a list"


def write_no_text(folder: Path) -> str:
    (folder / MANIFEST_NAME).write_bytes(b"\xff\xfe")
    return "bundle.json is not a bundle manifest: "


@pytest.mark.parametrize(
    "harm",
    [
        change_a_byte,
        cut_short,
        remove_a_file,
        add_a_file,
        use_another_format,
        leave_out_a_value,
        add_a_key,
        write_no_json,
        write_a_list,
        write_no_text,
    ],
)
def test_a_harmed_bundle_is_refused_with_what_was_found(folder: Path, harm: Callable[[Path], str]) -> None:
    expected = harm(folder)
    assert expected in refusal(folder)


def test_hashes_are_checked_before_any_parser_reads_a_byte(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(np, "load", lambda path, **_: opened.append(str(path)))
    change_a_byte(folder)
    refusal(folder)
    assert opened == []


def test_a_folder_of_bundles_opens_the_newest(tmp_path: Path) -> None:
    older = tiny_bundle(tmp_path)
    newer = tiny_bundle(tmp_path, lambda writer: writer.part("more").json("more", 1))
    rewrite(older.folder, created="2024-05-01T00:00:00+00:00")
    rewrite(newer.folder, created="2024-05-02T00:00:00+00:00")
    assert open_bundle(tmp_path).folder == newer.folder
    rewrite(older.folder, created="2024-05-03T00:00:00+00:00")
    assert open_bundle(tmp_path).folder == older.folder
    assert open_bundle(newer.folder).folder == newer.folder


def test_an_older_bundle_of_another_format_does_not_hide_the_newest(tmp_path: Path) -> None:
    older = tiny_bundle(tmp_path)
    newer = tiny_bundle(tmp_path, lambda writer: writer.part("more").json("more", 1))
    rewrite(older.folder, format=0, created="2020-01-01T00:00:00+00:00")
    assert open_bundle(tmp_path).folder == newer.folder
    rewrite(older.folder, created="2030-01-01T00:00:00+00:00")
    assert "bundle format 0, expected 1" in refusal(tmp_path)


def test_unfinished_bundles_are_not_found(tmp_path: Path) -> None:
    folder = tiny_bundle(tmp_path).folder
    os.rename(folder, tmp_path / ".unfinished-x")
    assert "neither it nor a folder in it has a bundle.json" in refusal(tmp_path)


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    assert "the folder does not exist; `endcap train` writes one" in refusal(tmp_path / "nowhere")


def test_what_a_bundle_lacks_is_named_beside_what_it_has(folder: Path) -> None:
    bundle = open_bundle(folder)
    assert bundle.has("als")
    assert not bundle.has("text")
    with pytest.raises(BundleError, match=r"has no part 'text'; it has: als, catalog, covisit, .*users"):
        bundle.part("text")
    with pytest.raises(BundleError, match=r"bundle part 'als' has no model.txt; it has: als.json, gram.npy, item_fact"):
        bundle.part("als").file("model.txt")


def test_what_components_share_is_built_once(folder: Path) -> None:
    bundle: Bundle = open_bundle(folder)
    assert bundle.once("key", object) is bundle.once("key", object)
    assert bundle.once("key", object) is not bundle.once("other", object)
