"""Which requests are learned from and which are kept aside."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from endcap.bundle.ids import IdIndex
from endcap.training.bert.asked import judged
from endcap.training.search.judgments import read_judgments


def test_judgments_are_learned_from_as_shares_of_the_highest_rating(tmp_path: Path) -> None:
    path = tmp_path / "judgments.csv"
    path.write_text("query,item_id,rating\nmilk,i0,3\nmilk,i2,1\ntea,i1,0\n")
    milk, tea = judged(read_judgments(path, IdIndex.of(["i0", "i1", "i2"])))
    assert (milk.text, milk.kind, milk.judged) == ("milk", "query", True)
    np.testing.assert_allclose(milk.graded(np.array([2, 0, 1])), [1 / 3, 1, 0], rtol=1e-6)
    assert tea.graded(np.array([1])).tolist() == [0]


def test_judgments_of_zeros_alone_teach_that_nothing_answers(tmp_path: Path) -> None:
    path = tmp_path / "judgments.csv"
    path.write_text("query,item_id,rating\nmilk,i0,0\n")
    (milk,) = judged(read_judgments(path, IdIndex.of(["i0"])))
    assert milk.grades.tolist() == [0]
