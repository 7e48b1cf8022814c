from __future__ import annotations

from pathlib import Path

import numpy as np
from bm25s import BM25

from endcap.bundle.folder import Bundle
from endcap.bundle.writer import BundleWriter, PartWriter
from endcap.strategies.lexical.words import tokens
from endcap.strategies.testing import made
from endcap.training.fit.lexical import K1, B, write_index


def bundle_of(titles: list[str], folder: Path) -> Bundle:
    fields = {"title": [[title] for title in titles]}

    def write(writer: BundleWriter) -> None:
        write_index(writer.part("lexical"), fields, [])

    return made.tiny_bundle(folder, write)


def test_scores_are_those_of_bm25s(tmp_path: Path) -> None:
    from endcap.strategies.lexical.index import lexical_index

    titles = [f"{'red ' * (n % 3)}cable {n % 7} hdmi{' long' * (n % 2)}" for n in range(made.ITEMS)]
    index = lexical_index(bundle_of(titles, tmp_path))
    reference = BM25(k1=K1, b=B, method="lucene")
    reference.index([tokens(title) for title in titles], show_progress=False)
    for word in ("red", "cable", "hdmi", "long", "3"):
        items, _ = index.everywhere(int(index.numbers([word])[0]))
        own = index.among(int(index.numbers([word])[0]), np.arange(made.ITEMS, dtype=np.int32))[:, 1]
        expected = reference.get_scores([word])
        assert np.allclose(own, expected, rtol=2e-3)  # fields are kept in half precision
        assert items.tolist() == np.flatnonzero(expected).tolist()


def test_equal_texts_give_equal_bytes_whatever_came_before(tmp_path: Path) -> None:
    def written(name: str) -> dict[str, bytes]:
        (tmp_path / name).mkdir()
        part = PartWriter(tmp_path / name)
        write_index(part, {"title": [["b a"], ["c 手表"], []], "brand": [["a"], [], []]}, ["a"])
        return {path.name: path.read_bytes() for path in part.folder.iterdir()}

    assert written("one") == written("other")


def test_a_catalog_without_a_word_has_an_index_too(tmp_path: Path) -> None:
    part = PartWriter(tmp_path)
    write_index(part, {"title": [[], ["…"]]}, [])
    assert np.load(tmp_path / "offsets.npy").tolist() == [0]
