"""Requests of every form, and of none, for contract tests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.bundle.folder import Bundle
from endcap.strategies.contract import Boost, Query
from endcap.strategies.testing import made


@dataclass(frozen=True)
class Only:
    """An item filter from a mask, bool[items]."""

    passing: Array

    def mask(self) -> Array:
        return self.passing

    def keep(self, items: Array) -> Array:
        kept: Array = self.passing[items]
        return kept


def made_queries(bundle: Bundle) -> dict[str, Query]:
    """New queries on every call, since a query remembers what was computed for it. Their arrays cannot be written."""
    items = len(bundle.catalog)
    even, none = Only(np.arange(items) % 2 == 0), Only(np.zeros(items, np.bool_))
    now = bundle.manifest.data_end
    nobody = Query(now=now)
    shopper = replace(nobody, user=made.HEAVY, history=bundle.histories.of(made.HEAVY), request_id="heavy")
    guest = replace(nobody, session=_session(now, [3, 9, 9, 40]))
    queries = {
        "a guest of whom nothing is known": nobody,
        "a shopper without events": replace(nobody, user=made.NEWCOMER),
        "a shopper with one event": _of(bundle, made.ONE_EVENT),
        "a heavy shopper": shopper,
        "a heavy shopper, years later": replace(shopper, now=now + 3000 * made.DAY),
        "a shopper whose events all have one time": _of(bundle, made.ONE_MOMENT),
        "a shopper who only looked": _of(bundle, made.ONLY_VIEWS),
        "a guest's session": guest,
        "a shopper with a session": replace(shopper, session=_session(now, [5, 6])),
        "a search": replace(nobody, text="mild tea"),
        "a search by a shopper": replace(shopper, text="soap"),
        "a product page": replace(nobody, seeds=_numbers([7])),
        "a basket's page, seen by a shopper": replace(shopper, seeds=_numbers([2, 30, 46])),
        "a page": replace(nobody, page="/category/fresh-bread", locale="en"),
        "attributes alone": replace(nobody, attributes={"age_group": "25-34"}),
        "half of the items allowed": replace(shopper, filter=even),
        "no item allowed": replace(shopper, filter=none, text="tea", page="/tea"),
        "excluded items": replace(shopper, excluded=_numbers([0, 1, 2, 3])),
        "boosted items": replace(guest, boosts=(Boost(even, 2.0), Boost(none, 1.0))),
        "a caller's own list": replace(shopper, given=_numbers([44, 3, 17, 18, 19, 20])),
        "a caller's own list of one": replace(nobody, given=_numbers([made.NEVER_SOLD])),
        "a slate of one": replace(shopper, size=1),
        "a slate larger than the catalog": replace(shopper, size=items + 10),
        "all variety": replace(shopper, diversity=1.0),
        "no variety": replace(shopper, diversity=0.0),
    }
    for query in queries.values():
        _freeze(query)
    return queries


def _of(bundle: Bundle, user: int) -> Query:
    return Query(now=bundle.manifest.data_end, user=user, history=bundle.histories.of(user), request_id=str(user))


def _session(now: int, items: list[int]) -> Events:
    size = len(items)
    return Events(
        items=_numbers(items),
        times=np.arange(now - size, now, dtype=np.int64),
        weights=np.full(size, 0.1, np.float32),
        goals=np.zeros(size, np.bool_),
        quantities=np.ones(size, np.float32),
        values=np.full(size, np.nan, np.float32),
        baskets=np.full(size, -1, np.int64),
    )


def _numbers(items: list[int]) -> Array:
    return np.array(items, np.int32)


def _freeze(query: Query) -> None:
    arrays = [query.seeds, query.excluded, query.given, *_columns(query.history), *_columns(query.session)]
    for array in arrays:
        if array is not None:
            array.setflags(write=False)


def _columns(events: Events) -> list[Array]:
    return [getattr(events, name) for name in Events.__slots__]
