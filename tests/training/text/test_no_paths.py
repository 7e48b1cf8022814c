"""Nothing in a bundle tells where it was made, and where it was made changes nothing in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from endcap.training.config import load_config
from endcap.training.train import train

from ...support import small_bert
from ...support.small_shop import write_small_shop

LEARNING = "windows = 1\n\n[text]\nmodel = {model!r}\nfinetune = true\nsteps = 4\nlayers = 1\n"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of the same shop, with a model fine-tuned and distilled, trained in two folders of other names and depths."""
    made = []
    for folder in (tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("another") / "place"):
        small_bert.write_model(folder / "bert")
        config = write_small_shop(folder, LEARNING.format(model=str(folder / "bert")))
        with threadpool_limits(1):
            made.append(train(load_config(config), folder / "bundles").folder)
    return made


def test_no_file_of_a_bundle_names_the_folder_it_was_made_in(bundles: list[Path]) -> None:
    places = [str(bundles[0].parents[1]), str(Path(shutil.__file__).parent), "site-packages", ".unfinished-"]
    found = [
        (path.name, place)
        for path in bundles[0].rglob("*")
        if path.is_file()
        for place in places
        if place.encode() in path.read_bytes()
    ]
    assert found == []


def test_two_folders_give_the_same_encoder_and_bundle(bundles: list[Path]) -> None:
    one, other = ({path.name: path.read_bytes() for path in (bundle / "text").iterdir()} for bundle in bundles)
    assert {"encoder.onnx", "tokenizer.json", "encoder.json", "learning.json", "vectors.npy"} <= one.keys()
    assert [name for name in one if one[name] != other.get(name)] == []
    assert bundles[0].name == bundles[1].name  # which is a hash of everything


def test_nothing_is_left_beside_the_bundle(bundles: list[Path]) -> None:
    assert [path.name for path in bundles[0].parent.iterdir()] == [bundles[0].name]
