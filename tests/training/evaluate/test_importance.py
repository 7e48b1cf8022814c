from __future__ import annotations

import numpy as np
import pytest

from endcap.strategies.score.net import Net
from endcap.training.evaluate.importance import of_network


def net(first: list[list[float]], flags: list[int]) -> Net:
    """Two columns, and behind their inputs one for each flag."""
    return Net(
        means=np.zeros(2, np.float32),
        scales=np.ones(2, np.float32),
        flags=np.array(flags, np.int32),
        first=np.array(first, np.float32),
        first_bias=np.zeros(2, np.float32),
        second=np.array([[1.0, -1.0], [0.0, 0.5]], np.float32),
        second_bias=np.zeros(2, np.float32),
        last=np.array([2.0, 4.0], np.float32),
        last_bias=np.zeros(1, np.float32),
    )


def test_a_column_counts_by_the_weight_of_all_paths_from_it_to_the_score() -> None:
    # Behind the first hidden unit lie 1 * 2 + 1 * 4 = 6, behind the second 0.5 * 4 = 2.
    assert of_network(net([[1.0, 0.0], [0.0, -9.0]], flags=[])).tolist() == pytest.approx([6 / 24, 18 / 24])


def test_what_a_columns_absence_says_counts_as_the_columns() -> None:
    shares = of_network(net([[1.0, 0.0], [0.0, 0.0], [0.0, 3.0]], flags=[1]))
    assert shares.tolist() == pytest.approx([0.5, 0.5])


def test_a_network_that_says_nothing_has_no_shares() -> None:
    assert of_network(net([[0.0, 0.0], [0.0, 0.0]], flags=[])).tolist() == [0.0, 0.0]
