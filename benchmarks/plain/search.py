"""The strategy ``search`` written plainly: BM25 as a sparse matrix, a flat index, a dict an item, a weighted sum.

For searches of the catalog's own words; others need what only Endcap has (units, models, slips of the pen).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix

from benchmarks.plain import recall
from benchmarks.plain.features import Row, matrix, merged
from benchmarks.plain.pipeline import Laps, PlainSlate, limits_of, one_thread, select
from benchmarks.plain.recall import Pairs
from benchmarks.plain.shop import Event, PlainShop
from endcap.bundle.folder import Bundle
from endcap.strategies.lexical.index import lexical_index
from endcap.strategies.tables import ready_made

TITLE, FEEDBACK = "title", 5


class PlainEncoder:
    """The sentence model by transformers and torch, mean of tokens, unit length. Read when it is first asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def loaded(self) -> tuple[Any, Any]:
        from transformers import AutoModel, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(str(self.folder), local_files_only=True)
        return tokenizer, AutoModel.from_pretrained(str(self.folder), local_files_only=True).eval()

    def __call__(self, text: str) -> np.ndarray:
        tokenizer, model = self.loaded
        tokens = tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            states = model(**tokens).last_hidden_state[0]
            return torch.nn.functional.normalize(states.mean(0), dim=0).numpy()


class Words:
    """BM25 of every word in every item, over all its text and in its title, as training computed it."""

    def __init__(self, bundle: Bundle) -> None:
        index = lexical_index(bundle)
        self.index, size = index, len(bundle.catalog)
        shape = (len(index.offsets) - 1, size)
        self.whole = csr_matrix((np.array(index.whole), np.array(index.items), np.array(index.offsets)), shape)
        self.number = {token: number for number, token in enumerate(index.vocabulary.ids)}
        in_title = np.array(index.by_field[:, index.fields.index(TITLE)], np.float32).tolist()
        self.of_item: list[dict[int, tuple[float, float]]] = [{} for _ in range(size)]
        for word in range(shape[0]):
            for place in range(index.offsets[word], index.offsets[word + 1]):
                self.of_item[index.items[place]][word] = (float(index.whole[place]), in_title[place])
        words, ends = index.title_words.tolist(), index.title_offsets.tolist()
        self.titles = [words[start:end] for start, end in itertools.pairwise(ends)]
        self.brands_with: dict[int, list[int]] = defaultdict(list)
        words, ends = index.brand_words.tolist(), index.brand_offsets.tolist()
        self.brands = [frozenset(words[start:end]) for start, end in itertools.pairwise(ends)]
        for brand, own in enumerate(self.brands):
            for word in own:
                self.brands_with[word].append(brand)

    def asked(self, text: str) -> list[int]:
        return list(dict.fromkeys(self.number[token] for token in text.lower().split() if token in self.number))

    def recall(self, words: list[int], limit: int) -> Pairs:
        row = csr_matrix((np.ones(len(words), "f4"), words, [0, len(words)]), (1, self.whole.shape[0]))
        scores = (row @ self.whole).toarray()[0]
        return recall.best_places(scores, np.arange(len(scores)), set(), limit)

    def fill(self, item: int, words: list[int], rarity: list[float], row: Row) -> None:
        known, title = self.of_item[item], self.titles[item]
        found = [known.get(word, (0.0, 0.0)) for word in words]
        row["query.bm25"] = sum(whole for whole, _ in found)
        row["query.bm25_title"] = sum(inside for _, inside in found)
        row["query.coverage"] = sum(share for share, (whole, _) in zip(rarity, found, strict=True) if whole > 0)
        row["query.title_coverage_idf"] = sum(s for s, (_, inside) in zip(rarity, found, strict=True) if inside > 0)
        place = {word: number for number, word in enumerate(words)}
        asked = [place.get(word, -2) for word in title]
        follows = sum(b == a + 1 for a, b in itertools.pairwise(asked) if a >= 0)
        row["query.title_phrase"] = min(follows / max(len(words) - 1, 1), 1.0)

    def named_brands(self, words: list[int]) -> set[int]:
        asked = set(words)
        return {brand for word in words for brand in self.brands_with.get(word, ()) if self.brands[brand] <= asked}


class PlainSearch:
    def __init__(
        self, bundle: Bundle, shop: PlainShop, texts: recall.Texts, encoder: PlainEncoder, words: Words
    ) -> None:
        one_thread()
        if bundle.has("search_ranker"):
            raise NotImplementedError("the plain search has the fixed order only; this bundle learned one")
        self.shop, self.texts, self.encoder, self.words = shop, texts, encoder, words
        self.limits, self.most = limits_of(ready_made()["search"])
        self.score = FixedSum()
        self.unknown = dict.fromkeys(self.score.names, np.nan)

    def rank(self, user: int, text: str, size: int, vector: np.ndarray | None = None) -> PlainSlate:
        laps, items = Laps(), self.shop.items
        with laps.of("query text"):
            vector = self.encoder(text) if vector is None else vector
        with laps.of("words"):
            words = self.words.asked(text)
            found = {"lexical": self.words.recall(words, self.limits["lexical"])}
        with laps.of("embeddings"):
            cosines, texts = self.texts.nearest(vector, min(self.limits["text"], self.texts.index.ntotal))
            found["text"] = self.texts.items(cosines, texts, set(), self.limits["text"])
            answer = self.texts.mean(cosines[:FEEDBACK], texts[:FEEDBACK])
        with laps.of("merge and features"):
            rows = merged(found, self.most, self.unknown)
            self._fill(rows, self.shop.history(user), words, vector, answer)
            rows = {item: row for item, row in rows.items() if items[item].available}
            features = matrix(rows, self.score.names)
        with laps.of("score"):
            scores = self.score(features)
        with laps.of("select"):
            slate = select(list(rows), scores, size, items)
        return PlainSlate(*slate, list(rows), laps)

    def _fill(
        self, rows: dict[int, Row], events: list[Event], words: list[int], vector: np.ndarray, answer: np.ndarray
    ) -> None:
        items = list(rows)
        own = recall.strengths(events, self.shop.now, 120.0)
        by_category: dict[int, float] = defaultdict(float)
        for item, weight in own.items():
            by_category[self.shop.items[item].category] += weight
        rarity = [self.words.index.rarity(self.words.index.count(word)) for word in words]
        rarity = [each / sum(rarity) for each in rarity]
        brands = self.words.named_brands(words)
        cosines, likeness = self.texts.cosines(vector, items), self.texts.cosines(answer, items)
        for number, cosine, like in zip(items, cosines, likeness, strict=True):
            row, item = rows[number], self.shop.items[number]
            row["text.query_cosine"], row["query.feedback_cosine"] = cosine, like
            self.words.fill(number, words, rarity, row)
            row["query.brand"] = (1.0 if item.brand in brands else -1.0) if brands and item.brand >= 0 else 0.0
            row["item.popularity"] = item.stats["item.popularity"]
            row["shopper_item.weight_120d"] = own.get(number, 0.0)
            row["shopper_category.weight_120d"] = by_category.get(item.category, 0.0) if item.category >= 0 else 0.0


class FixedSum:
    """The weighted sum that stands in where no order was learned, with what leans on it."""

    AGREEMENT = 4.0

    def __init__(self) -> None:
        table = ready_made()["search"]["score"]
        self.weights, self.prior = table["weights"], table["prior"]
        self.ranks = ("lexical.rank", "text.rank")
        self.names = [*self.weights, *self.prior, *self.ranks]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        columns = dict(zip(self.names, rows.astype(np.float64).T, strict=True))
        scores = sum(weight * _standardised(columns[name]) for name, weight in self.weights.items())
        votes = sum(_centred(np.nan_to_num(1.0 / (60.0 + columns[name]))) for name in self.ranks)
        votes = votes * _spread(scores) * self.AGREEMENT / (votes.std() or 1.0)
        spread = _spread(scores + votes)
        for name, weight in self.prior.items():
            value = np.maximum(np.nan_to_num(columns[name]), 0.0)
            scores = scores + spread * weight * value / (1.0 + value)
        return scores + votes


def _standardised(column: np.ndarray) -> np.ndarray:
    """By the known values' mean and spread; 0 where unknown."""
    known = ~np.isnan(column)
    if not known.any():
        return np.zeros(len(column))
    mean, spread = column[known].mean(), column[known].std()
    return np.where(known, column - mean, 0.0) / (spread or 1.0)


def _centred(column: np.ndarray) -> np.ndarray:
    return column - column.mean()


def _spread(scores: np.ndarray) -> float:
    return float(scores.std() or 1.0)
