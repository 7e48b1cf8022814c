from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.strategies.text.encoder import Encoder
from endcap.training.text.embed import embed_texts
from endcap.training.text.export import export_encoder

from ...support import small_bert


@pytest.fixture(scope="module")
def encoder_folder(saved_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    export_encoder(saved_bert, folder, texts=small_bert.titles())
    return folder


def test_rows_are_in_the_order_of_the_texts(encoder_folder: Path) -> None:
    texts = small_bert.titles(200)[::-1]
    np.testing.assert_array_equal(embed_texts(encoder_folder, texts), Encoder.open(encoder_folder).encode(texts))


def test_the_number_of_threads_changes_nothing(encoder_folder: Path) -> None:
    texts = small_bert.titles(300)
    one, many = (embed_texts(encoder_folder, texts, threads=threads) for threads in (1, 5))
    np.testing.assert_array_equal(one, many)


def test_equal_texts_are_embedded_once(encoder_folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    vectors = embed_texts(
        encoder_folder, ["milk", "tea", "milk", ""] * 50, lambda step, done=0, total=0: seen.append((done, total))
    )
    assert vectors.shape == (200, 32)
    np.testing.assert_array_equal(vectors[0], vectors[2])
    assert seen[-1] == (3, 3)


def test_no_texts_make_no_vectors(encoder_folder: Path) -> None:
    vectors = embed_texts(encoder_folder, [])
    assert vectors.shape == (0, 32)
    assert vectors.dtype == np.float32


def test_an_interrupt_ends_it(encoder_folder: Path) -> None:
    def interrupt(step: str, done: int = 0, total: int = 0) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_texts(encoder_folder, small_bert.titles(5000), interrupt)
