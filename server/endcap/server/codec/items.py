"""The items of a slate with their sources, reasons and features, as the bytes of a RankResponse's field."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from endcap.bundle.catalog import Catalog
from endcap.server.codec.request import Ask
from endcap.server.codec.wire import float32, float64, nearest_float32, sized, tag, varint
from endcap.strategies.batch import SCORE
from endcap.strategies.contract import ReasonCode
from endcap.strategies.pipeline import Slate
from endcap.strategies.reasons import BOOST
from endcap.v1 import ranking_pb2 as pb

ITEMS_KEPT: Final = 10_000
"""Items whose id and title are kept as bytes: what is shown often is read from the catalog once."""
_ITEM: Final = tag(pb.RankResponse, "items")
_ITEM_ID, _TITLE, _SCORE = (tag(pb.RankedItem, name) for name in ("item_id", "title", "score"))
_SOURCES, _REASONS, _FEATURES = (tag(pb.RankedItem, name) for name in ("sources", "reasons", "features"))
_REASON_VALUE, _REASON_ITEM = tag(pb.Reason, "value"), tag(pb.Reason, "item_id")
_CODES: Final = {code: pb.ReasonCode.Value(f"REASON_CODE_{code}") for code in ReasonCode}


class ItemWriter:
    """Parts that come again are kept. Each ends with the tag of the number that follows it."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._head = lru_cache(ITEMS_KEPT)(self._new_head)

    def items(self, ask: Ask, slate: Slate) -> bytes:
        """The page that ``ask`` asks for."""
        page = slice(ask.offset, ask.query.size)
        places = [(2 * place, name) for place, name in enumerate(slate.run.recalled)]  # of the merge, see there
        merged = slate.candidates.blocks[0].values[page, : 2 * len(places)].tolist()  # behind these lie all features
        rows = zip(slate.items[page].tolist(), slate.scores[page].tolist(), merged, slate.reasons[page], strict=True)
        items = []
        for number, score, found, reasons in rows:
            item = [self._head(number), float32(score)]
            for place, source in places:
                rank = found[place]
                if rank == rank:  # not NaN: the source proposed it
                    item += _source_head(source, rank), float32(found[place + 1])
            for code, contribution, feature, value, other in reasons:
                named = self._named(other) if other >= 0 else b""
                item += _reason_head(code, feature, len(named)), _reason_numbers(contribution, value), named
            items.append(item)
        if ask.explain:
            for item, known in zip(items, _features(slate, page), strict=True):
                for name, value in known:
                    item += _feature_head(name), float64(value)
        return b"".join([sized(_ITEM, b"".join(parts)) for parts in items])

    def _new_head(self, number: int) -> bytes:
        name, title = self.catalog.ids.ids.encoded(number), self.catalog.titles.encoded(number)
        return sized(_ITEM_ID, name) + sized(_TITLE, title) + _SCORE

    def _named(self, other: int) -> bytes:
        return sized(_REASON_ITEM, self.catalog.ids.ids.encoded(other))


def _features(slate: Slate, page: slice) -> list[Iterable[tuple[str, float]]]:
    """Every column that the scorer could read; where two have one name, the later, as the scorer saw it."""
    names = [name for name in dict.fromkeys(slate.candidates.names) if name not in (SCORE, BOOST)]
    return [zip(names, row, strict=True) for row in slate.candidates.matrix(names)[page].tolist()]


@lru_cache(10_000)
def _source_head(source: str, rank: float) -> bytes:
    known = sized(tag(pb.ItemSource, "source"), source.encode()) + tag(pb.ItemSource, "rank") + varint(int(rank))
    return _headed(_SOURCES, known + tag(pb.ItemSource, "score"), 4)


@lru_cache(10_000)
def _reason_head(code: ReasonCode, feature: str, more: int) -> bytes:
    known = tag(pb.Reason, "code") + varint(_CODES[code]) + sized(tag(pb.Reason, "feature"), feature.encode())
    return _headed(_REASONS, known + tag(pb.Reason, "contribution"), 4 + len(_REASON_VALUE) + 8 + more)


def _reason_numbers(contribution: float, value: float) -> bytes:
    """Contributions are sums of float64, which may be beyond a float32."""
    try:
        return _pack_reason(contribution, _REASON_VALUE, value)
    except OverflowError:
        return nearest_float32(contribution) + _REASON_VALUE + float64(value)


_pack_reason: Final = struct.Struct(f"<f{len(_REASON_VALUE)}sd").pack


@lru_cache(10_000)
def _feature_head(name: str) -> bytes:
    known = sized(tag(pb.FeatureValue, "name"), name.encode()) + tag(pb.FeatureValue, "value")
    return _headed(_FEATURES, known, 8)


def _headed(tag: bytes, known: bytes, more: int) -> bytes:
    """The beginning of a message of which ``more`` bytes are to follow."""
    return tag + varint(len(known) + more) + known
