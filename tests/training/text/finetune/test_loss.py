from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from endcap.training.text.finetune.batches import NONE, Batch
from endcap.training.text.finetune.loss import STEP, TEMPERATURE, contrast, learn_twice, moved
from endcap.training.text.finetune.tokens import MAX_TOKENS, Reader
from endcap.training.text.model import SourceModel

CPU = torch.device("cpu")


def test_the_loss_is_the_weighted_cross_entropy_of_the_own_column_with_its_bias() -> None:
    random = np.random.default_rng(0)
    anchors, columns = (functional.normalize(torch.tensor(random.normal(size=(n, 4)))).float() for n in (2, 3))
    bias = np.array([[0.5, -1.0, NONE], [0.0, 0.2, 0.1]], np.float32)
    batch = Batch(np.zeros(2), np.zeros(3), bias, np.array([0.5, 1.5], np.float32))
    logits = anchors.numpy() @ columns.numpy().T / TEMPERATURE + bias
    shares = np.exp(logits - logits.max(1, keepdims=True))
    losses = -np.log((shares / shares.sum(1, keepdims=True))[[0, 1], [0, 1]])
    assert float(contrast(anchors, columns, batch)) == pytest.approx(float((losses * [0.5, 1.5]).mean()), rel=1e-4)


def test_a_move_is_a_share_of_each_text_along_its_gradient() -> None:
    embedded, gradient = torch.randn(3, 5, 8), torch.randn(3, 5, 8)
    move = moved(embedded, gradient)
    np.testing.assert_allclose(move.flatten(1).norm(dim=1), STEP * embedded.flatten(1).norm(dim=1), rtol=1e-5)
    assert torch.cosine_similarity(move.flatten(1), gradient.flatten(1)).min() > 0.999
    assert torch.isfinite(moved(embedded, torch.zeros_like(gradient))).all()


@pytest.mark.parametrize("frozen", [True, False])
def test_the_second_pass_is_harder_and_the_embeddings_are_left_as_they_were(thin: SourceModel, frozen: bool) -> None:
    network, reader = thin.network, Reader(thin, CPU)
    table = network.body.get_input_embeddings().weight  # type: ignore[operator]
    before = table.detach().clone()
    for parameter in network.parameters():
        parameter.requires_grad_(not frozen or parameter is not table)
    losses: list[float] = []

    def loss() -> torch.Tensor:
        first, second, third = reader.vectors(network, ["milk", "bread", "tea"])
        found: torch.Tensor = 1 - first @ second + first @ third
        losses.append(float(found.detach()))
        return found

    try:
        assert learn_twice(network.body, loss) == losses[0]
        assert losses[1] > losses[0]
        assert torch.equal(table, before)
        assert all(p.grad is not None for n, p in network.named_parameters() if p.requires_grad and "pooler" not in n)
    finally:
        network.zero_grad()
        network.requires_grad_(True)


def test_texts_of_any_script_length_and_number_are_read(thin: SourceModel) -> None:
    reader = Reader(thin, CPU)
    texts = ["智能手表", "", "🥛🧈 mixed 牛奶", "milk " * 5000, "milk", "智能手表"]
    ids, mask = reader.tokens(texts)
    assert ids.shape == (6, MAX_TOKENS)
    assert mask.sum(1).tolist()[3] == MAX_TOKENS
    with torch.no_grad():
        together = reader.vectors(thin.network, texts)
    apart = reader.all_vectors(thin.network, texts)
    np.testing.assert_allclose(together, apart, atol=1e-5)
    np.testing.assert_allclose(apart.norm(dim=1), 1, rtol=1e-5)
    np.testing.assert_allclose(apart, thin.encode(texts, MAX_TOKENS), atol=1e-5)
