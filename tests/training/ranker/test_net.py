from __future__ import annotations

import numpy as np
import pytest
import torch

from endcap.bundle.events import Array
from endcap.strategies.score.dense import LIMIT
from endcap.strategies.score.net import Encoding, Net
from endcap.training.ranker.net import fit_net
from endcap.training.ranker.rows import Rows

SIZE, WIDTH = 6000, 5


def lessons(seed: int = 1) -> Rows:
    """Column 0 tells by its product with column 1; column 2 tells by being unknown; 3 is constant, 4 always unknown."""
    random = np.random.default_rng(seed)
    features = random.normal(0, 1, (SIZE, WIDTH)).astype(np.float32)
    features[random.random(SIZE) < 0.3, 2] = np.nan
    features[:, 3], features[:, 4] = 7.0, np.nan
    odds = 3 * features[:, 0] * features[:, 1] + 2 * np.isnan(features[:, 2]) - 1
    labels = (random.random(SIZE) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    return Rows(features, labels, np.full(SIZE // 30, 30, np.int32), np.arange(SIZE // 30, dtype=np.int32))


@pytest.fixture(scope="module")
def net() -> Net:
    return fit_net(lessons(), 7)


def auc(scores: Array, labels: Array) -> float:
    ranks = np.argsort(np.argsort(scores)) + 1.0
    positives = int(labels.sum())
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * (len(labels) - positives)))


def test_the_network_learns_a_product_of_columns_and_that_one_is_unknown(net: Net) -> None:
    fresh = lessons(seed=2)
    assert auc(net.scores(fresh.features), fresh.labels) > 0.8


def test_one_seed_gives_the_same_numbers(net: Net) -> None:
    again, other = fit_net(lessons(), 7), fit_net(lessons(), 8)
    np.testing.assert_array_equal(again.first, net.first)
    assert np.abs(other.first - net.first).max() > 0.01


def test_fitting_leaves_torch_as_it_was() -> None:
    torch.manual_seed(1)
    expected, threads = torch.rand(3), torch.get_num_threads()
    torch.manual_seed(1)
    fit_net(lessons(), 7)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(3), expected)


def test_scores_are_those_that_torch_computes(net: Net) -> None:
    rows = lessons(seed=3).features[:40]
    with torch.no_grad():
        expected = by_torch(net, torch.from_numpy(net.encoding(rows)))
    np.testing.assert_allclose(net.scores(rows), expected.numpy(), atol=1e-5)


def by_torch(net: Net, inputs: torch.Tensor) -> torch.Tensor:
    weights = {name: torch.tensor(np.array(values)) for name, values in vars(net).items()}
    lower = torch.relu(inputs @ weights["first"] + weights["first_bias"])
    upper = torch.relu(lower @ weights["second"] + weights["second_bias"])
    return upper @ weights["last"] + weights["last_bias"]


@pytest.mark.parametrize("size", [1, 31, 32, 33, 64, 65, 130])
def test_a_row_is_worth_the_same_among_any_others(net: Net, size: int) -> None:
    rows = lessons(seed=4).features[:130]
    np.testing.assert_allclose(net.scores(rows[:size]), net.scores(rows)[:size], atol=1e-6)
    np.testing.assert_allclose(net.contributions(rows[:size]), net.contributions(rows)[:size], atol=1e-6)


@pytest.mark.parametrize("widths", [(2, 3), (6, 12), (7, 1), (100, 65)])
def test_layers_may_be_of_any_width(widths: tuple[int, int]) -> None:
    random = np.random.default_rng(6)

    def drawn(*shape: int) -> Array:
        return random.normal(0, 1, shape).astype(np.float32)

    lower, upper = widths
    encoding = Encoding.of(lessons().features)
    inputs = WIDTH + len(encoding.flags)
    layers = (drawn(inputs, lower), drawn(lower), drawn(lower, upper), drawn(upper), drawn(upper), drawn(1))
    net = Net(encoding.means, encoding.scales, encoding.flags, *layers)
    rows = lessons(seed=3).features[:70]
    expected = by_torch(net, torch.from_numpy(net.encoding(rows)))
    np.testing.assert_allclose(net.scores(rows), expected.numpy(), rtol=1e-4, atol=1e-4)


def test_contributions_are_gradient_times_input(net: Net) -> None:
    rows = np.random.default_rng(5).normal(0, 1, (20, WIDTH)).astype(np.float32)
    rows[:, 3], rows[:, 4] = 7.0, np.nan
    inputs = net.encoding(rows)
    given = torch.tensor(inputs, requires_grad=True)
    by_torch(net, given).sum().backward()  # type: ignore[no-untyped-call]
    assert given.grad is not None
    moved = given.grad.numpy() * inputs
    expected = moved[:, :WIDTH].copy()
    expected[:, net.flags] += moved[:, WIDTH:]
    np.testing.assert_allclose(net.contributions(rows), expected, atol=1e-5)


def test_inputs_are_centred_bounded_and_say_what_is_missing() -> None:
    rows = lessons().features
    encoding = Encoding.of(rows)
    inputs = encoding(np.concatenate([rows, np.full((1, WIDTH), 1e30, np.float32)]))
    assert encoding.flags.tolist() == [2]  # the column that is always unknown says nothing, nor do those always known
    np.testing.assert_allclose(inputs[:-1, :3].mean(0), 0, atol=0.05)
    np.testing.assert_array_equal(inputs[:-1, WIDTH], np.isnan(rows[:, 2]))
    assert np.abs(inputs).max() <= LIMIT
    assert not inputs[:, 3].any()  # constant in training: of no use later


def test_inputs_are_logarithms_over_all_magnitudes() -> None:
    sizes = np.concatenate([[0.0], np.logspace(-30, 38, 5000), np.linspace(0.2, 0.6, 2000)]).astype(np.float32)
    rows = np.stack([sizes, -sizes], axis=1)
    scale = np.full(2, 0.01, np.float32)  # so that nothing is cut off
    inputs = Encoding(np.zeros(2, np.float32), scale, np.empty(0, np.int32))(rows) / 0.01
    expected = np.copysign(np.log1p(np.abs(rows).astype(np.float64)), rows)
    np.testing.assert_allclose(inputs, expected, rtol=5e-7)


@pytest.mark.parametrize("size", [0, 1, 7])
def test_any_number_of_rows_is_scored_even_all_unknown(net: Net, size: int) -> None:
    scores = net.scores(np.full((size, WIDTH), np.nan, np.float32))
    assert scores.shape == (size,)
    assert np.isfinite(scores).all()
    assert net.contributions(np.full((size, WIDTH), np.nan, np.float32)).shape == (size, WIDTH)
