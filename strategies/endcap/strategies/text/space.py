"""Where texts live: the encoder, the vectors of the catalog's texts, and the index over them."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import structlog

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import Anchors, anchors
from endcap.strategies.batch import Recalled
from endcap.strategies.compiled import (
    FLAG,
    FLAGS,
    INT,
    INT32S,
    INT64S,
    NOTHING,
    SINGLE_ROWS,
    SINGLES,
    TO_INT32S,
    TO_SINGLES,
    fetch,
    filled,
    kernel,
)
from endcap.strategies.contract import Query
from endcap.strategies.lexical.index import PART as LEXICAL_PART
from endcap.strategies.lexical.index import lexical_index
from endcap.strategies.lexical.plan import plan, slips
from endcap.strategies.lexical.words import words
from endcap.strategies.text import native
from endcap.strategies.text.bert import ROUNDED, SHAPE_NAME, computed_here
from endcap.strategies.text.encoder import Encoder
from endcap.strategies.text.index import TextIndex
from endcap.strategies.text.info import GRAPH_NAME, INFO_NAME, TOKENIZER_NAME, EncoderInfo
from endcap.strategies.text.kept import KeptVectors
from endcap.strategies.text.nearest import products_with, products_with_both
from endcap.strategies.text.runtime import TextRuntime, runtime_of

MOSTLY, MORE = 0.9, 100
"""Where this share of the items is allowed, asking for so many texts more and dropping the others is quicker than to
find out which texts are allowed."""
_AHEAD = 8
"""So many texts before they are read, a text's items are asked for."""
_NEXT = 2
"""So many vectors before it is added to a mean, one is asked for."""
_ALL = np.empty(0, np.bool_)

log = structlog.get_logger("endcap.text")

NEAR_PART = "text_near"
"""The bundle part that holds each text's neighbourhood, where a search ranker was learned."""


class TextSpace:
    """One per process and bundle, see ``text_space``."""

    def __init__(self, bundle: Bundle) -> None:
        part, runtime = bundle.part("text"), runtime_of(bundle)
        self.encoder = Encoder.open(part.folder, device=runtime.device, kept=_kept_vectors(bundle, runtime))
        self.index = TextIndex.open(part.folder, runtime.device)
        self.vectors = part.array("vectors")  # float32[texts, d], unit length
        self.lexical = lexical_index(bundle) if bundle.has(LEXICAL_PART) else None
        self.text_of = bundle.catalog.texts  # int32[items]
        self.near = bundle.part(NEAR_PART).array("vectors") if bundle.has(NEAR_PART) else None  # float16[texts, d]
        items = bundle.part("items")
        self.items = items.array("text_items")  # int32[items], grouped by text, the most popular first
        self.offsets = items.array("text_offsets")  # int64[texts + 1]

    def query_vector(self, query: Query) -> Array | None:
        """float32[d] of the search text, or None without one."""
        if not query.text:
            return None
        return query.once("text.query", lambda: self.encoder.encode_one(self.meant(query)))

    def meant(self, query: Query) -> str:
        """The search text with its slips of the pen put right, which would lead a model of meaning astray; once a
        request.

        Only words that neither the catalog nor, in one piece, the model's tokenizer knows are taken for slips.
        """
        return query.once("text.meant", lambda: self._meant(query))

    def _meant(self, query: Query) -> str:
        if self.lexical is None or not query.text:
            return query.text
        repaired = slips(plan(query, self.lexical), self.lexical)
        return " ".join(self._put_right(piece, repaired) for piece in query.text.split()) if repaired else query.text

    def _put_right(self, piece: str, repaired: dict[str, str]) -> str:
        found = words(piece)
        if len(found) != 1 or found[0].token not in repaired or self.encoder.knows(piece.lower()):
            return piece
        return repaired[found[0].token]

    def profile(self, query: Query, half_life_days: float, most_anchors: int) -> Array | None:
        """float32[d], unit length: the weighted mean of what the request's anchors say, or None without any; once a
        request for each."""
        key = f"text.profile.{half_life_days}.{most_anchors}"
        return query.once(key, lambda: self._profile(anchors(query, half_life_days, most_anchors)))

    def _profile(self, start: Anchors) -> Array | None:
        if not len(start.items):
            return None
        mean: Array = _mean(self.vectors, self.text_of, start.items, start.weights)
        return mean

    def cosines(self, vector: Array, items: Array) -> Array:
        """float32[n] between a unit vector and the texts of items (int32[n])."""
        cosines: Array = products_with(self.vectors, self.text_of, items, vector)
        return cosines

    def cosines_of_both(self, one: Array, other: Array, items: Array) -> Array:
        """float32[n, 2]: as ``cosines`` of each."""
        cosines: Array = products_with_both(self.vectors, self.text_of, items, one, other)
        return cosines

    def closest(self, query: Query, limit: int) -> tuple[Array, Array]:
        """Numbers and cosines of at least the ``limit`` texts nearest to the search text, over the whole catalog.

        Recall and features ask for the same: whoever comes first searches.
        """
        vector = self.query_vector(query)
        assert vector is not None
        found = query.once("text.closest", lambda: self.index.search(vector, limit))
        return found if len(found[0]) >= min(limit, len(self.index)) else self.index.search(vector, limit)

    def nearest_to(self, query: Query, limit: int, per_text: int) -> Recalled:
        """As ``nearest`` of the search text."""
        vector = self.query_vector(query)
        assert vector is not None
        if query.allowed is not None:
            return self.nearest(vector, limit, query.allowed, per_text)
        return self._items_of(*self.closest(query, limit), None, limit, per_text)

    def nearest(self, vector: Array, limit: int, allowed: Array | None, per_text: int) -> Recalled:
        """The items of the nearest texts, at most ``per_text`` of one text, the most popular of a text first."""
        if allowed is not None and np.count_nonzero(allowed) > MOSTLY * len(allowed):
            found = self._items_of(*self.index.search(vector, limit + MORE), allowed, limit, per_text)
            if len(found.items) == limit:
                return found
        texts = self.index.search(vector, limit, self._allowed_texts(allowed))
        return self._items_of(*texts, allowed, limit, per_text)

    def _items_of(self, texts: Array, cosines: Array, allowed: Array | None, limit: int, per_text: int) -> Recalled:
        items, scores = np.empty(limit, np.int32), np.empty(limit, np.float32)
        mask = _ALL if allowed is None else allowed
        count = _pick_items(texts, cosines, self.offsets, self.items, mask, per_text, items, scores)
        return Recalled(items[:count], scores[:count])

    def _allowed_texts(self, allowed: Array | None) -> Array | None:
        if allowed is None:
            return None
        texts = np.zeros(len(self.vectors), np.bool_)
        _mark(self.text_of, allowed, texts)
        return texts


def text_space(bundle: Bundle) -> TextSpace:
    """The bundle's text space. Raises BundleError where it was trained without texts."""
    return bundle.once("text_space", lambda: TextSpace(bundle))


def _kept_vectors(bundle: Bundle, runtime: TextRuntime) -> KeptVectors | None:
    """None without a folder, or where it cannot be written to: searches are then a little slower and no worse."""
    if runtime.cache_folder is None:
        return None
    dimension = EncoderInfo.read(bundle.part("text").folder).dimension
    try:
        return KeptVectors.open(runtime.cache_folder, _name_of_encoder(bundle, runtime), dimension)
    except OSError as error:
        log.warning("query vectors are not kept", folder=str(runtime.cache_folder), reason=error.strerror)
        return None


def _name_of_encoder(bundle: Bundle, runtime: TextRuntime) -> str:
    """The same just for what gives the same vectors: files, library, device, and whether it is by machine code."""
    names = (GRAPH_NAME, INFO_NAME, TOKENIZER_NAME, SHAPE_NAME)
    files = [bundle.manifest.files.get(f"text/{name}", "") for name in names]
    told = "/".join([*files, native.onnxruntime().__version__, runtime.device, str(computed_here() and ROUNDED)])
    return blake2b(told.encode(), digest_size=8).hexdigest()


@kernel(TO_SINGLES(SINGLE_ROWS, INT32S, INT32S, SINGLES), sums_in_any_order=True)
def _mean(vectors: Array, text_of: Array, items: Array, weights: Array) -> Array:
    """float32[d], unit length unless it is 0: the weighted mean of these items' vectors."""
    width, last = vectors.shape[1], len(items) - 1
    mean, square = np.zeros(width, np.float32), np.float32(0.0)
    for entry in range(len(items)):
        ahead = text_of[items[min(entry + _NEXT, last)]] * width
        for place in range(0, width, 16):
            fetch(vectors, ahead + place)
        vector, weight = vectors[text_of[items[entry]]], weights[entry]
        for place in range(width):
            mean[place] += weight * vector[place]
    for value in mean:
        square += value * value
    length = np.sqrt(square)
    return mean / length if length > 0 else mean


@kernel(NOTHING(INT32S, FLAGS, filled(FLAG)))
def _mark(texts: Array, allowed: Array, marked: Array) -> None:
    """Sets ``marked`` for each text that an allowed item has; without a branch, which nobody could foretell."""
    for item in range(len(texts)):
        marked[texts[item]] |= allowed[item]


@kernel(INT(INT32S, SINGLES, INT64S, INT32S, FLAGS, INT, TO_INT32S, TO_SINGLES))
def _pick_items(
    texts: Array,
    cosines: Array,
    offsets: Array,
    items: Array,
    allowed: Array,
    per_text: int,
    picked: Array,
    scores: Array,
) -> int:
    """Fills ``picked`` and ``scores`` with the first allowed items of each text, and says how many there are. An empty
    array allows all."""
    count = 0
    for place in range(len(texts)):
        fetch(offsets, texts[min(place + _AHEAD, len(texts) - 1)])
        taken = 0
        for entry in range(offsets[texts[place]], offsets[texts[place] + 1]):
            if count == len(picked):
                return count
            if taken == per_text:
                break
            if not len(allowed) or allowed[items[entry]]:
                picked[count], scores[count] = items[entry], cosines[place]
                count, taken = count + 1, taken + 1
    return count
