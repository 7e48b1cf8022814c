"""The requests of an evaluation: what a server would be asked for each shopper, in the numbers of the bundle.

A bundle may have been trained on earlier tables of the shop than those at hand: ids are looked up, items and shoppers
that it does not know are unknown to it, and times of plain orders are put on its clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.bundle.folder import Bundle
from endcap.bundle.manifest import Clock
from endcap.strategies.contract import Query
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.truth import NOTHING, Truth
from endcap.training.shop import Shop


@dataclass(frozen=True)
class Translation:
    """From a shop's numbers and clock to a bundle's, and back."""

    items: Array
    """int32[items of the shop], -1 where the bundle lacks it."""
    users: Array
    """int32[shoppers of the shop], -1 where the bundle lacks them."""
    back: Array
    """int32[items of the bundle]: NOTHING where the shop lacks it."""
    clocks: tuple[Clock, Clock]
    """The shop's and the bundle's."""

    @staticmethod
    def between(shop: Shop, bundle: Bundle) -> Translation:
        items = bundle.catalog.ids.numbers(shop.item_ids)
        back = np.full(len(bundle.catalog.ids), NOTHING, np.int32)
        known = np.flatnonzero(items >= 0)
        back[items[known]] = known
        return Translation(items, bundle.users.numbers(shop.user_ids), back, (shop.clock, bundle.manifest.clock))

    def events(self, events: Events) -> Events:
        known = events.rows(np.flatnonzero(self.items[events.items] >= 0))
        return replace(known, items=self.items[known.items], times=self.times(known.times))

    def times(self, times: Array) -> Array:
        """int64[m] on the bundle's clock."""
        ours, theirs = self.clocks
        if ours == theirs:
            return times
        values = times / ours.seconds_per_unit + ours.origin
        rebased: Array = np.round((values - theirs.origin) * theirs.seconds_per_unit).astype(np.int64)
        return rebased

    def truth(self, truth: Truth) -> Truth:
        """In the bundle's numbers; items that it lacks are out of its reach and left out."""
        items = self.items[truth.items]
        return Truth.of_pairs(truth.rows[items >= 0], items[items >= 0], len(truth))

    def slates(self, slates: Array) -> Array:
        """int32[rows, depth] in the shop's numbers; an item that the shop no longer has leaves its place empty."""
        return np.where(slates == NOTHING, NOTHING, self.back[slates]).astype(np.int32)


def questions(holdout: Holdout, translation: Translation, rows: Array) -> list[Query]:
    """For each of these rows (row numbers) the shopper and what they did, at the moment they are asked about."""
    moments = translation.times(holdout.asked_at[rows])
    return [
        Query(
            now=int(now),
            user=int(translation.users[holdout.users[row]]),
            history=translation.events(holdout.history(row)),
            request_id=str(holdout.users[row]),
        )
        for row, now in zip(rows, moments, strict=True)
    ]


class Unbought:
    """The items that a shopper never went for, as an ItemFilter: they are masked before recall cuts its lists."""

    def __init__(self, query: Query, item_count: int) -> None:
        self._mask = np.ones(item_count, np.bool_)
        self._mask[query.events.items[query.events.goals]] = False

    def mask(self) -> Array:
        return self._mask

    def keep(self, items: Array) -> Array:
        kept: Array = self._mask[items]
        return kept


def for_new(query: Query, item_count: int) -> Query:
    """The same shopper, who wants only what they never bought."""
    return replace(query, filter=Unbought(query, item_count))
