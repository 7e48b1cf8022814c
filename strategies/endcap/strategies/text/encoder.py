"""Text to vector by raw ``tokenizers`` and ONNX Runtime: no torch, no transformers. Short queries go by Endcap's own
machine code.

The graph does pooling and L2 normalisation itself, so a cosine is a plain dot product.

An int8 graph picks one scale a layer for a whole batch, so a text's vector moves a little with the texts beside it: as
far as int8 is from fp32. Where the same vector is needed twice, as in features, take ``encode_one`` both times.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from endcap.bundle.folder import BundleError
from endcap.strategies.text.bert import MOST_TOKENS, TOGETHER, Bert
from endcap.strategies.text.device import Device, open_fitting
from endcap.strategies.text.info import GRAPH_NAME, TOKENIZER_NAME, EncoderInfo
from endcap.strategies.text.kept import KeptVectors
from endcap.strategies.text.remembered import Remembered

Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

BATCH_TOKENS = 512
"""Padding included. More at once leave the cache of a core, and widen what an int8 graph must cover by one scale."""


@dataclass(frozen=True)
class Batch:
    """Texts of like lengths as token ids, ready for the graph."""

    rows: Numbers
    """int64[m], where its texts stood in what was to be encoded."""
    ids: Numbers
    """int64[m, longest], padded."""
    mask: Numbers
    """int64[m, longest], 1 for a token and 0 for padding."""


class _Graph(NamedTuple):
    session: Any
    inputs: frozenset[str]


class Encoder:
    """One exported encoder. Safe to share between threads; each call computes on the caller's thread."""

    def __init__(
        self,
        info: EncoderInfo,
        open_session: Callable[[], Any],
        items: Tokenizer,
        queries: Tokenizer,
        cache_size: int,
        kept: KeptVectors | None = None,
        bert: Bert | None = None,
    ) -> None:
        """``bert`` is what short queries are encoded by, where there is machine code for the model; else the graph.

        Beside machine code the graph is opened by the first text that needs it: it holds 50 to 140 MiB that no other
        process shares, and most servers never meet a search of so many words.
        """
        self.info = info
        self._bert = bert
        self._open_session, self._opening = open_session, Lock()
        self._graph: _Graph | None = None
        if bert is None:
            self._opened()
        self._kept = kept
        self._items = items
        self._queries = queries
        self._lowers = self._tokens(queries, "MILK").tolist() == self._tokens(queries, "milk").tolist()
        self._remembered: Remembered[str, Vectors] = Remembered(cache_size)

    @staticmethod
    def open(
        folder: Path,
        *,
        device: Device = "cpu",
        threads: int = 1,
        cache_size: int = 4096,
        kept: KeptVectors | None = None,
    ) -> Encoder:
        """The encoder that training exported into ``folder``.

        ``threads`` compute one call; ``cache_size`` queries are remembered, at about 2 KiB each, and in ``kept`` beyond
        this process. Raises BundleError where a file is missing or unreadable, MissingLibrary where onnxruntime isn't
        installed; of the graph beside machine code, the first text of more tokens does.
        """
        info = EncoderInfo.read(folder)
        graph = _existing(folder / GRAPH_NAME)
        open_session = partial(open_fitting, graph, device, quantised=info.quantised, threads=threads)
        path = _existing(folder / TOKENIZER_NAME)
        items, queries = (open_tokenizer(path, most) for most in (info.max_tokens, info.query_max_tokens))
        return Encoder(info, open_session, items, queries, cache_size, kept, Bert.open(folder))

    @property
    def dimension(self) -> int:
        return self.info.dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32[n, d], unit length, in the order of ``texts``; an empty text has a vector too."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for batch in self.batches(texts):
            vectors[batch.rows] = self.run(batch.ids, batch.mask)
        return vectors

    def batches(self, texts: Sequence[str]) -> Iterator[Batch]:
        """``texts`` cut into batches for ``run``, short ones first: callers with more than one core spread these."""
        tokens = [self._tokens(self._items, text) for text in texts]
        for rows in _cut(np.array([len(entry) for entry in tokens], np.int64)):
            yield Batch(rows, *_padded([tokens[row] for row in rows]))

    def run(self, ids: Numbers, mask: Numbers) -> Vectors:
        """float32[m, d] of token ids and their mask (int64[m, longest] each)."""
        graph, feed = self._opened(), {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in graph.inputs:
            feed["token_type_ids"] = np.zeros_like(ids)
        vectors: Vectors = graph.session.run(None, feed)[0]
        return vectors

    def _opened(self) -> _Graph:
        """Of threads that come at once one opens the graph."""
        with self._opening:
            if self._graph is None:
                session = self._open_session()
                self._graph = _Graph(session, frozenset(entry.name for entry in session.get_inputs()))
            return self._graph

    def knows(self, word: str) -> bool:
        """Whether the word is one piece to the tokenizer, as common words of a model's language are."""
        return len(self._queries.encode(word, add_special_tokens=False).ids) == 1

    def encode_one(self, text: str) -> Vectors:
        """float32[d], unit length, read-only, of a query; remembered for the next one who asks the same."""
        text = self.normal(text)
        vector = self._recalled(text)
        return self._kept_from_now(text, self._encode_query(text)) if vector is None else vector

    def encode_ahead(self, texts: Iterable[str]) -> int:
        """Encode queries together, for ``encode_one`` to remember. Says how many.

        They are the first of ``texts`` and those of the others that go through the model at once with it; none, and no
        other is asked for, where the first is remembered or its like is encoded one by one. By machine code each gets
        the vector that it gets alone; by a graph in fp32 nearly so, and by one in int8 nothing is encoded together.
        """
        queries: dict[str, Numbers] = {}
        for text in map(self.normal, texts):
            if text not in queries and self._recalled(text) is None:
                ids = self._tokens(self._queries, text)
                if self._fits(ids, queries.values()):
                    queries[text] = ids
            if not queries:
                return 0
        for text, vector in zip(queries, self._together([*queries.values()]), strict=True):
            self._kept_from_now(text, vector.copy())
        return len(queries)

    def _fits(self, ids: Numbers, others: Collection[Numbers]) -> bool:
        """Whether the query of these tokens can go through the model together with the others."""
        if self._bert is not None:
            return len(ids) <= (TOGETHER - sum(map(len, others)) if others else MOST_TOKENS)
        return not self.info.quantised and max(map(len, [ids, *others])) * (1 + len(others)) <= BATCH_TOKENS

    def _together(self, tokens: list[Numbers]) -> Vectors:
        """float32[k, d]."""
        return self.run(*_padded(tokens)) if self._bert is None else self._bert(*tokens)

    def normal(self, text: str) -> str:
        """What texts of the same tokens have in common: blanks and, where the tokenizer sees no difference, capitals.

        Of ASCII only: tokenizers lower Σ, say, letter by letter, and Python by the word; and of other blanks they drop
        some without a trace.
        """
        plain = " ".join(filter(None, text.split(" ")))
        return plain.lower() if self._lowers and plain.isascii() else plain

    def _recalled(self, text: str) -> Vectors | None:
        """What is remembered of a normal text, here or in the file."""
        vector = self._remembered.get(text)
        if vector is None and self._kept is not None and (found := self._kept.get(text)) is not None:
            vector = self._remembered.put(text, found)
        return vector

    def _kept_from_now(self, text: str, vector: Vectors) -> Vectors:
        vector.setflags(write=False)
        if self._kept is not None:
            self._kept.put(text, vector)
        return self._remembered.put(text, vector)

    def _encode_query(self, text: str) -> Vectors:
        ids = self._tokens(self._queries, text)
        short = self._bert is not None and len(ids) <= MOST_TOKENS
        vector: Vectors = (self._together([ids]) if short else self.run(ids[None], np.ones_like(ids)[None]))[0]
        return vector.copy()

    @staticmethod
    def _tokens(tokenizer: Tokenizer, text: str) -> Numbers:
        return np.array(tokenizer.encode(text).ids or [0], np.int64)  # a tokenizer may make nothing of an empty text


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise BundleError(f"no encoder in {path.parent}: expected a file {path.name}")
    return path


def open_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    """Cuts texts, special tokens included, and pads nothing. Raises BundleError where the file cannot be read."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise BundleError(f"{path} is not a tokenizer: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _cut(lengths: Numbers) -> Iterator[Numbers]:
    """Row numbers in order of length (equal ones as they came), cut so that a padded batch stays in BATCH_TOKENS."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= BATCH_TOKENS:
            end += 1
        yield order[start:end]
        start = end


def _padded(tokens: list[Numbers]) -> tuple[Numbers, Numbers]:
    """(ids, mask), int64[m, longest] each. Padding is 0 whatever the model: the mask takes it out."""
    shape = (len(tokens), max(map(len, tokens)))
    ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for row, entry in enumerate(tokens):
        ids[row, : len(entry)] = entry
        mask[row, : len(entry)] = 1
    return ids, mask
