"""Whom and what the demo ranks for, chosen from the bundle: the same bundle always gives the same choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.bundle.folder import Bundle
from endcap.strategies.contract import SECONDS_PER_DAY

HEAVY, LIGHT = 0.98, 0.05
"""Which shopper of all is meant, by their number of events: the very heaviest is often no household but a firm."""
LEAST_EVENTS = 3
"""A shopper with fewer is as good as unknown."""


@dataclass(frozen=True)
class Cast:
    bundle: Bundle

    def shopper(self, share: float) -> int:
        """The number of the shopper below whom ``share`` of all are, by events; ties by number."""
        sizes = np.diff(self.bundle.histories.offsets)
        known = np.flatnonzero(sizes >= LEAST_EVENTS)
        ranked = known[np.argsort(sizes[known], kind="stable")]
        return int(ranked[round(share * (len(ranked) - 1))]) if len(ranked) else 0

    def user_id(self, shopper: int) -> str:
        return self.bundle.users.id(shopper)

    def nobody(self) -> str:
        """The id of a shopper whom nobody has ever seen."""
        names = ("newcomer" if n == 0 else f"newcomer-{n}" for n in count())
        return next(name for name in names if self.bundle.users.numbers([name])[0] < 0)

    def about(self, shopper: int) -> str:
        """What is known of a shopper, in a sentence."""
        events = self.bundle.histories.of(shopper)
        if not len(events):
            return "Nothing is known of this shopper."
        days = round((self.bundle.manifest.data_end - int(events.times[-1])) / SECONDS_PER_DAY)
        ago = "on the last day" if days < 1 else f"{days} day{'s' * (days > 1)} before the data end"
        lately = "; ".join(self.titles(_distinct(events.items[::-1])[:3]))
        return f"{len(events):,} lines on {_trips(events):,} trips, most recently {ago}. Lately: {lately}."

    @cached_property
    def popular(self) -> Array:
        """int32[k]: items by how many events they have, one of each title, the most first."""
        catalog = self.bundle.catalog
        counts = np.bincount(self.bundle.histories.log.items, minlength=len(catalog))
        order = np.argsort(-counts, kind="stable")
        order = order[counts[order] > 0]
        _, firsts = np.unique(catalog.groups["title"][order], return_index=True)
        items: Array = order[np.sort(firsts)].astype(np.int32)
        return items

    def with_words(self, words: str, size: int) -> list[int]:
        """The most popular items whose titles hold all the words; the most popular of all where there are too few."""
        found: list[int] = []
        for item in self.popular.tolist():
            title = self.bundle.catalog.titles[item].lower()
            if all(word in title for word in words.split()):
                found.append(item)
            if len(found) == size:
                return found
        return [int(item) for item in self.popular[:size]]

    def query(self, wished: str, answer: str) -> str:
        """``wished``, where the catalog has a title with the words of ``answer``; else the most popular title."""
        title = self.bundle.catalog.titles[self.with_words(answer, 1)[0]]
        return wished if all(word in title.lower() for word in answer.split()) else title

    def mixed_list(self, shopper: int) -> list[int]:
        """Four items that the shopper bought and four popular ones that they did not, in the order of their ids."""
        own = self.bundle.histories.of(shopper).items
        numbers, counts = np.unique(own, return_counts=True)
        favourites = numbers[np.argsort(-counts, kind="stable")][:10:3].tolist()
        others = [item for item in self.popular[:200:20].tolist() if item not in set(numbers.tolist())][:4]
        return sorted({*favourites, *others}, key=self.bundle.catalog.ids.id)

    def ids(self, items: Sequence[int]) -> list[str]:
        return [self.bundle.catalog.ids.id(item) for item in items]

    def titles(self, items: Sequence[int]) -> list[str]:
        return [self.bundle.catalog.titles[item] for item in items]


def _distinct(items: Array) -> list[int]:
    return list(dict.fromkeys(items.tolist()))


def _trips(events: Events) -> int:
    """By basket, or by day where baskets are unknown."""
    days = events.times // int(SECONDS_PER_DAY)
    return len(np.unique(np.where(events.baskets >= 0, events.baskets, -1 - days)))
