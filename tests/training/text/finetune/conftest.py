"""A shop of twelve texts in which milk goes with bread, tea with coffee, and a thin BERT to teach that to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.training.config import TextConfig
from endcap.training.shop import Searches, Shop
from endcap.training.text.finetune.pairs import pairs_of
from endcap.training.text.finetune.tune import Lessons
from endcap.training.text.model import SourceModel, check_model

from ....support import small_bert
from ... import made

TITLES = ["milk", "bread", "tea", "coffee", "butter", "watch", "phone", "shoes", "small milk", "large bread"]
TEXTS = [f"{title} {script}" for title, script in zip(TITLES, "智能手表机牛奶黄油咖", strict=True)]
PARTNERS = {0: 1, 2: 3, 5: 6, 8: 9}
DAYS = 40


@pytest.fixture(scope="session")
def thin(tmp_path_factory: pytest.TempPathFactory) -> SourceModel:
    folder = tmp_path_factory.mktemp("saved") / "thin-bert"
    small_bert.write_model(folder)
    return check_model(folder)


@pytest.fixture(scope="session")
def shop() -> Shop:
    """Each day a visit of each kind: (milk, bread), (tea, coffee), (phone, watch)."""
    kinds = [(0, 1), (2, 3), (6, 5), (8, 9)]
    rows = [(user, item, float(day)) for day in range(DAYS) for user, kind in enumerate(kinds) for item in kind]
    plain = made.shop_of(rows, items=len(TEXTS), users=len(kinds), days=DAYS)
    numbers = np.arange(len(TEXTS), dtype=np.int32)
    groups = {name: np.zeros(len(TEXTS), np.int32) for name in plain.groups}
    return replace(plain, texts=TEXTS, text_numbers=numbers, titles=TITLES, groups=groups)


@pytest.fixture(scope="session")
def searched(shop: Shop) -> Shop:
    """The same, where whatever is bought on the first ten days was searched for by "手表"."""
    queries = np.where(shop.log.times < made.START + 10 * made.DAY, 0, -1).astype(np.int32)
    nothing = np.full(len(queries), -1)
    return replace(shop, searches=Searches(["手表"], queries, nothing, nothing.astype(np.float32)))


@pytest.fixture(scope="session")
def lessons(shop: Shop) -> Lessons:
    return lessons_in(shop)


def lessons_in(shop: Shop) -> Lessons:
    middle, end = made.START + 30 * made.DAY, made.START + DAYS * made.DAY
    categories = shop.groups["category"]
    return Lessons(pairs_of(shop, made.START, middle, 7), pairs_of(shop, middle, end, 7), categories)


@pytest.fixture
def config() -> TextConfig:
    return TextConfig(finetune=True, steps=12, patience=99)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept"
