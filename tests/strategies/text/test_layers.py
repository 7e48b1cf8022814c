"""The machine code of a BERT beside what NumPy, Python and PyTorch say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.bundle.folder import BundleError
from endcap.strategies.text import bert as machine
from endcap.strategies.text.bert import MOST_TOKENS, TOGETHER, Bert
from endcap.strategies.text.encoder import Encoder
from endcap.strategies.text.info import GRAPH_NAME
from endcap.strategies.text.layers import (
    COLUMNS,
    MIDDLE,
    TOKENS,
    VNNI,
    attend,
    exponential,
    features,
    gelu,
    multiply,
    multiplying,
    normalise,
    quantise,
)
from endcap.training.text.export import export_encoder
from endcap.training.text.layers import _matrix, quantised_bert
from endcap.training.text.model import check_model

from ...support import small_bert


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("feature", [VNNI, "none of these"])
@pytest.mark.parametrize("tokens", [1, 5, TOKENS, TOKENS + 1, 2 * TOKENS + 3])
def test_products_of_bytes_are_exact_with_and_without_the_instruction(feature: str, tokens: int) -> None:
    if feature.startswith("+") and feature not in features():
        pytest.skip(f"this processor lacks {feature[1:]}")
    step, compiled = multiplying([feature]), cast("Any", numba.njit)

    def run(codes: Array, inputs: Array, steps: Array, sums: Array, ones: Array, biases: Array, found: Array) -> None:
        for first in range(0, found.shape[1], COLUMNS):
            for row in range(0, len(inputs), TOKENS):
                step(codes, first * inputs.shape[1], inputs, steps, sums, ones, biases, found, row, first)

    matrix = _matrix(normal(1, 64, 96), normal(2, 96))
    inputs = np.random.default_rng(3).integers(0, 256, (tokens, 64), np.uint8)
    steps, found = np.abs(normal(4, tokens)), np.zeros((tokens, 96), np.float32)
    compiled(run)(matrix.codes, inputs, steps, matrix.sums, matrix.scales, matrix.biases, found)
    whole = matrix.codes.reshape(96 // 16, 64 // 4, 16, 4).transpose(1, 3, 0, 2).reshape(64, 96)
    exact = (inputs.astype(np.int64) - MIDDLE) @ whole.astype(np.int64)
    np.testing.assert_allclose(found, exact * (steps[:, None] * matrix.scales) + matrix.biases, rtol=1e-5, atol=1e-5)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20), st.sampled_from([(32, 32), (64, 96), (384, 32)]))
def test_a_product_is_near_that_of_the_matrix(seed: int, tokens: int, shape: tuple[int, int]) -> None:
    given, weights, biases = normal(seed, tokens, shape[0]), normal(seed + 1, *shape), normal(seed + 2, shape[1])
    own = _matrix(weights, biases)
    found = multiply(given, own.codes, 0, own.sums, own.scales, own.biases, shape[1])
    assert np.abs(found - (given @ weights + biases)).max() < 0.05 * math.sqrt(shape[0])


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 40), st.floats(-10, 10))
def test_a_token_in_bytes_is_half_a_step_off_at_most(seed: int, tokens: int, width: int, size: float) -> None:
    given = normal(seed, tokens, width) * np.float32(10.0**size)
    codes, steps = np.empty((tokens, width), np.uint8), np.empty(tokens, np.float32)
    quantise(given, codes, steps)
    assert (np.abs((codes.astype(float) - MIDDLE) * steps[:, None] - given) <= 0.501 * steps[:, None]).all()


def test_a_token_of_zeros_is_in_the_middle() -> None:
    codes, steps = np.empty((1, 8), np.uint8), np.empty(1, np.float32)
    quantise(np.zeros((1, 8), np.float32), codes, steps)
    assert codes.tolist() == [[MIDDLE] * 8]


def test_powers_and_the_error_function_are_those_of_the_books() -> None:
    values = np.linspace(-100, 0, 2001).astype(np.float32)
    found = [float(exponential(value)) for value in values]
    np.testing.assert_allclose(found, np.exp(values.astype(float)), rtol=2e-5, atol=1e-30)
    both = np.linspace(-8, 8, 4001).astype(np.float32)
    expected = [value * 0.5 * (1 + math.erf(value / math.sqrt(2))) for value in both.tolist()]
    gelu(both[None])
    np.testing.assert_allclose(both, expected, atol=1e-4)


@given(st.integers(0, 2**32), st.integers(1, 6), st.sampled_from([16, 64, 384]))
def test_normalising_is_that_of_pytorch(seed: int, tokens: int, width: int) -> None:
    one, other = normal(seed, 2, tokens, width)
    gain, shift = normal(seed + 1, 2, width)
    expected = torch.nn.functional.layer_norm(
        torch.tensor(one + other), (width,), torch.tensor(gain), torch.tensor(shift), 1e-12
    )
    normalise(one, other, gain, shift, 1e-12)
    np.testing.assert_allclose(one, expected.numpy(), rtol=1e-3, atol=1e-4)


@given(st.integers(0, 2**32), st.integers(1, 20), st.sampled_from([(1, 8), (2, 16), (12, 32)]))
def test_attention_is_that_of_pytorch(seed: int, tokens: int, shape: tuple[int, int]) -> None:
    heads, size = shape
    states = normal(seed, tokens, 3 * heads * size)
    three = torch.tensor(states).reshape(tokens, 3, heads, size).permute(1, 2, 0, 3)
    expected = torch.nn.functional.scaled_dot_product_attention(*three).transpose(0, 1).reshape(tokens, -1)
    found = attend(states, np.array([tokens]), heads)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_text_by_machine_code_is_near_the_models_own(tmp_path: Path, pooling: str) -> None:
    small_bert.write_model(tmp_path / "bert")
    small_bert.write_pooling(tmp_path / "bert", pooling_mode=pooling)
    source = check_model(tmp_path / "bert")
    own = quantised_bert(source, 64)
    assert own is not None
    texts = ["", "milk", "organic coffee 智能手表", "small butter bread tea watch " * 4]
    tokenizer = small_bert.tokenizer_of(source.tokenizer_json)
    found = np.concatenate([own(np.array(tokenizer.encode(text).ids, np.int64)) for text in texts])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    assert ((found * source.encode(texts, 64)).sum(axis=1) > 0.99).all()


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_texts_that_go_through_together_get_the_vectors_of_each_alone_to_the_last_bit(
    tmp_path: Path, pooling: str
) -> None:
    small_bert.write_model(tmp_path / "bert")
    small_bert.write_pooling(tmp_path / "bert", pooling_mode=pooling)
    own = quantised_bert(check_model(tmp_path / "bert"), 64)
    assert own is not None

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.lists(st.integers(0, len(own.words) - 1), min_size=1, max_size=24), min_size=1, max_size=6))
    def together(texts: list[list[int]]) -> None:
        ids = [np.array(text, np.int64) for text in texts]
        np.testing.assert_array_equal(own(*ids), np.concatenate([own(each) for each in ids]))

    together()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where a small BERT was exported to, with what machine code reads."""
    small_bert.write_model(tmp_path / "bert")
    out = tmp_path / "out"
    out.mkdir()
    export_encoder(tmp_path / "bert", out, texts=small_bert.titles())
    return out


def test_short_queries_are_encoded_by_it_where_the_processor_is_quick_at_that(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Bert.read(out)
    vectors, long = {}, {}
    for here in (True, False):
        monkeypatch.setattr(machine, "computed_here", lambda here=here: here)
        encoder = Encoder.open(out)
        vectors[here], long[here] = encoder.encode_one("milk tea"), encoder.encode_one("milk tea " * 12)
    ids = np.array(small_bert.tokenizer_of((out / "tokenizer.json").read_text()).encode("milk tea").ids, np.int64)
    assert vectors[True].tolist() == own(ids)[0].tolist()
    assert vectors[True].tolist() != vectors[False].tolist()
    assert vectors[True] @ vectors[False] > 0.98
    assert long[True].tolist() == long[False].tolist()


def test_beside_it_the_graph_is_opened_by_the_first_text_that_is_too_long_for_it(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = (out / GRAPH_NAME).read_bytes()
    (out / GRAPH_NAME).write_bytes(b"no graph")
    monkeypatch.setattr(machine, "computed_here", lambda: True)
    encoder = Encoder.open(out)
    assert encoder.encode_one("milk tea").shape == (encoder.dimension,)
    with pytest.raises(BundleError, match=GRAPH_NAME):
        encoder.encode_one("milk tea " * 12)
    (out / GRAPH_NAME).write_bytes(graph)
    assert encoder.encode_one("milk tea " * 12).shape == (encoder.dimension,)
    monkeypatch.setattr(machine, "computed_here", lambda: False)
    (out / GRAPH_NAME).write_bytes(b"no graph")
    with pytest.raises(BundleError, match=GRAPH_NAME):
        Encoder.open(out)


@pytest.fixture
def quick(out: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Encoder]:
    """Makes encoders that use machine code, whatever the processor, and whose graph is broken."""
    monkeypatch.setattr(machine, "computed_here", lambda: True)
    (out / GRAPH_NAME).write_bytes(b"no graph")
    return lambda: Encoder.open(out)


def test_queries_encoded_ahead_are_remembered_with_the_vectors_of_each_alone(quick: Callable[[], Encoder]) -> None:
    texts, encoder = ["milk tea", "organic coffee", "bread"], quick()
    assert encoder.encode_ahead([*texts, " Milk  TEA"]) == len(texts)
    assert all(encoder._recalled(text) is not None for text in texts)
    for text in texts:
        assert encoder.encode_one(text).tolist() == quick().encode_one(text).tolist()
        with pytest.raises(ValueError, match="read-only"):
            encoder.encode_one(text)[0] = 0


def test_no_more_queries_are_encoded_ahead_than_go_through_together(quick: Callable[[], Encoder]) -> None:
    encoder, ends = quick(), 2
    texts = [f"{'milk ' * (TOGETHER // 2 - ends - 1)}{last}" for last in ("tea", "bread", "coffee")]
    assert encoder.encode_ahead(texts) == 2
    assert encoder._recalled(encoder.normal(texts[2])) is None


def test_where_the_first_query_is_remembered_or_long_no_other_is_asked_for(quick: Callable[[], Encoder]) -> None:
    encoder = quick()
    encoder.encode_one("milk")

    def others() -> Iterator[str]:
        raise AssertionError("asked for")
        yield

    assert encoder.encode_ahead(chain(["milk"], others())) == 0
    assert encoder.encode_ahead(chain(["bread " * MOST_TOKENS], others())) == 0


def test_of_other_models_there_is_none(tmp_path: Path) -> None:
    from transformers import BertConfig

    small_bert.write_model(tmp_path / "bert", BertConfig(**small_bert.shape(hidden_act="relu")))
    assert quantised_bert(check_model(tmp_path / "bert"), 64) is None
