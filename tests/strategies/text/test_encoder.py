from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.bundle.folder import BundleError
from endcap.strategies.text.device import CPU, CUDA, ProviderError, open_session
from endcap.strategies.text.encoder import BATCH_TOKENS, Encoder
from endcap.strategies.text.info import GRAPH_NAME
from endcap.strategies.text.kept import KeptVectors

from ...support import small_bert

any_text = st.text(max_size=60) | st.sampled_from(["", " ", "智能手表", "smart 手表 ⌚️", "é́", "milk " * 300])


@settings(max_examples=60, deadline=None)
@given(st.lists(any_text, max_size=12))
def test_every_text_has_a_vector_of_unit_length(encoder: Encoder, texts: list[str]) -> None:
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("milk 智能", max_size=40), min_size=1, max_size=20))
def test_vectors_come_in_the_order_of_the_texts(encoder: Encoder, texts: list[str]) -> None:
    alone = np.stack([encoder.encode_one(text) for text in texts])
    np.testing.assert_allclose(encoder.encode(texts), alone, atol=1e-5)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)
def test_batches_hold_each_text_once_and_stay_within_their_tokens(encoder: Encoder, words: list[int]) -> None:
    batches = list(encoder.batches(["milk " * count for count in words]))
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(words)))
    assert all(batch.ids.size <= BATCH_TOKENS or len(batch.rows) == 1 for batch in batches)


def test_unlike_texts_have_unlike_vectors(encoder: Encoder) -> None:
    milk, coffee = encoder.encode(["milk", "智能手表"])
    assert milk @ coffee < 0.99


def test_items_are_cut_at_128_tokens_and_queries_at_64(encoder: Encoder) -> None:
    words, ends = "milk ", 2
    item = encoder.encode([words * (128 - ends), words * 1000])
    np.testing.assert_array_equal(item[0], item[1])
    query = [encoder.encode_one(words * count) for count in (64 - ends, 1000, 64 - ends - 1)]
    np.testing.assert_array_equal(query[0], query[1])
    assert (query[0] != query[2]).any()


def test_a_text_of_5000_characters_has_a_vector(encoder: Encoder) -> None:
    assert np.isfinite(encoder.encode_one("organic 牛奶 " * 500)[:]).all()


def test_a_query_asked_again_is_answered_from_memory_and_cannot_be_changed(encoder: Encoder) -> None:
    first = encoder.encode_one("butter")
    assert encoder.encode_one("butter") is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_the_memory_for_queries_is_bounded(encoder_folder: Path) -> None:
    encoder = Encoder.open(encoder_folder, cache_size=2)
    first = encoder.encode_one("milk")
    for text in ("tea", "bread"):
        encoder.encode_one(text)
    assert encoder.encode_one("milk") is not first


def test_a_graph_in_fp32_encodes_queries_ahead_in_one_batch_and_one_in_int8_none(
    encoder_folder: Path, encoder: Encoder, tmp_path: Path
) -> None:
    ahead, texts = Encoder.open(encoder_folder), ["milk", "智能手表", "organic coffee and bread"]
    assert ahead.encode_ahead(texts) == 3
    for text in texts:
        found = ahead._recalled(text)
        assert found is not None
        np.testing.assert_allclose(found, encoder.encode_one(text), atol=1e-5)
    shutil.copytree(encoder_folder, tmp_path, dirs_exist_ok=True)
    ahead.info.model_copy(update={"precision": "int8"}).write(tmp_path)
    assert Encoder.open(tmp_path).encode_ahead(texts) == 0


def test_queries_encoded_ahead_are_kept_for_the_next_process(encoder_folder: Path, tmp_path: Path) -> None:
    kept = KeptVectors.open(tmp_path, "encoder", 32)
    assert Encoder.open(encoder_folder, kept=kept).encode_ahead(["milk", "tea"]) == 2
    assert kept.get("tea") is not None
    assert Encoder.open(encoder_folder, kept=kept).encode_ahead(["milk", "bread"]) == 0


def test_threads_that_ask_at_once_get_the_same_answers(encoder_folder: Path, encoder: Encoder) -> None:
    texts = small_bert.titles(40) * 5
    shared = Encoder.open(encoder_folder, cache_size=10)
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(shared.encode_one, texts))
    np.testing.assert_array_equal(vectors, [encoder.encode_one(text) for text in texts])


def test_encoding_starts_no_threads(encoder_folder: Path) -> None:
    before = set(os.listdir("/proc/self/task"))
    encoder = Encoder.open(encoder_folder)
    encoder.encode(small_bert.titles(300))
    assert set(os.listdir("/proc/self/task")) <= before  # some of an earlier test's may end


def test_a_gpu_that_is_not_there_is_an_error_and_not_the_cpu(encoder_folder: Path) -> None:
    with pytest.raises(ProviderError, match=r"CUDAExecutionProvider was asked for, .* install endcap\[gpu\]"):
        open_session(encoder_folder / GRAPH_NAME, [CUDA, CPU], 1)


def test_without_onnxruntime_the_error_names_both_extras(encoder_folder: Path) -> None:
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from pathlib import Path; from endcap.strategies.text.encoder import Encoder\n"
        "Encoder.open(Path(sys.argv[1]))"
    )
    ran = subprocess.run([sys.executable, "-c", code, encoder_folder], capture_output=True, text=True, check=False)
    assert "MissingLibrary: found neither onnxruntime nor onnxruntime-gpu" in ran.stderr
    assert "endcap[cpu], or endcap[gpu]" in ran.stderr


@pytest.mark.parametrize("name", ["encoder.json", "encoder.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(encoder_folder: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(encoder_folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).unlink()
    with pytest.raises(BundleError, match=f"no encoder in .*expected a file {name}"):
        Encoder.open(tmp_path)


@pytest.mark.parametrize("name", ["encoder.json", "encoder.onnx", "tokenizer.json"])
def test_a_broken_file_is_named(encoder_folder: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(encoder_folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_text('{"format": 1}')
    with pytest.raises(BundleError, match=name):
        Encoder.open(tmp_path)


def test_a_word_is_known_where_it_is_one_piece(encoder: Encoder) -> None:
    assert encoder.knows("milk")
    assert not encoder.knows("mlik")
    assert not encoder.knows("")


@given(st.text("Mi lk\u00a0\tÉéΣσς智ß", max_size=20) | any_text)
@settings(max_examples=200, deadline=None)
def test_texts_of_one_normal_form_have_the_same_tokens(encoder: Encoder, text: str) -> None:
    tokens, normal = (encoder._tokens(encoder._queries, each) for each in (text, encoder.normal(text)))
    np.testing.assert_array_equal(tokens, normal)


def test_blanks_and_capitals_that_the_tokenizer_does_not_see_share_a_vector(encoder: Encoder) -> None:
    assert encoder.encode_one(" Organic  MILK") is encoder.encode_one("organic milk")


def test_a_vector_kept_by_one_process_is_found_by_the_next(encoder_folder: Path, tmp_path: Path) -> None:
    kept = KeptVectors.open(tmp_path, "encoder", 32)
    first = Encoder.open(encoder_folder, kept=kept).encode_one("butter")
    kept.put("butter", -first)  # so that it can be told from one computed anew
    again = Encoder.open(encoder_folder, kept=KeptVectors.open(tmp_path, "encoder", 32)).encode_one("Butter")
    np.testing.assert_array_equal(again, -first)
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 0
