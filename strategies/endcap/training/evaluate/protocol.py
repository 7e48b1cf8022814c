"""What is held back from training, who is asked about, and what they went for.

``temporal`` holds back the last days: what a shop would have seen had it deployed on the cut-off. ``leave_one_out``
holds back each shopper's last goal event, which works on any order of events, but lets a model learn from what others
did later; its numbers are for comparing, not for forecasting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array, Events
from endcap.strategies.contract import SECONDS_PER_DAY
from endcap.training.errors import DataError
from endcap.training.evaluate.truth import Truth
from endcap.training.shop import Shop

LEAST_EVENTS = 5
"""Truth counts items with at least this many earlier events: of others hardly anything can have been learned. They
are judged apart, as cold items."""
MOST_SHOPPERS = 20_000
"""At most this many shoppers are asked about, drawn by seed."""


@dataclass(frozen=True)
class Holdout:
    """A question for every strategy. Arrays have one row a shopper asked about."""

    protocol: str
    days: float
    """Length of a temporal window, 0 otherwise."""
    known: Shop
    """All that a fit may see."""
    users: Array
    """int32[rows], ascending."""
    asked_at: Array
    """int64[rows]: when the shopper is asked about, in seconds; their history in ``known`` ends before."""
    truth: Truth
    """Items that are not cold."""
    new: Truth
    """Those of them that the shopper never went for before."""
    cold: Truth
    """Items with fewer than LEAST_EVENTS earlier events."""

    @property
    def cutoff(self) -> int:
        """Seconds: the end of what is known."""
        return self.known.data_end

    @property
    def everything(self) -> Truth:
        """All that was held back, cold items among it."""
        rows = np.concatenate([self.truth.rows, self.cold.rows])
        return Truth.of_pairs(rows, np.concatenate([self.truth.items, self.cold.items]), len(self.users))

    @property
    def regulars(self) -> Array:
        """bool[rows]: shoppers with earlier events, whom the headline numbers are about."""
        counts: Array = np.diff(self.known.histories.offsets)[self.users]
        return counts > 0

    def history(self, row: int) -> Events:
        return self.known.histories.of(int(self.users[row]))

    def bought(self, row: int) -> Array:
        """int32[k]: the distinct items that the shopper went for before."""
        history = self.history(row)
        items: Array = np.unique(history.items[history.goals])
        return items


def temporal(shop: Shop, days: float, seed: int) -> Holdout:
    """Asks, at the beginning of the last ``days``, what each shopper would go for in them.

    Raises DataError where nothing, or nobody, is left on either side of the cut-off.
    """
    cutoff = window_start(shop, days)
    holdout = in_window(shop, cutoff, cutoff + round(days * SECONDS_PER_DAY), seed)
    if not len(holdout.known.log) or not len(holdout.users):
        span = (shop.data_end - shop.data_start) / SECONDS_PER_DAY
        raise DataError(
            f"{len(holdout.known.log)} events before a test window of {days:g} days, and {len(holdout.users)} shoppers "
            f"with goal events in it; the events span {span:.1f} days, choose another --holdout-days"
        )
    return holdout


def in_window(shop: Shop, cutoff: int, end: int, seed: int) -> Holdout:
    """As temporal, for any window; nobody may be left to ask about."""
    users, log = shop.between(cutoff, end)
    goals = np.flatnonzero(log.goals)
    asked = np.unique(users[goals])
    held = _Held(asked, np.full(len(asked), cutoff), users[goals], log.items[goals])
    days = (end - cutoff) / SECONDS_PER_DAY
    return _holdout("temporal", days, shop.before(cutoff), held, seed)


def window_start(shop: Shop, days: float) -> int:
    """Seconds. Whole days are calendar days (UTC), the last of them that of the last event: shops count in those, and
    a window from midnight holds as many of each. Other lengths, and plain orders, count back from the last event."""
    day = int(SECONDS_PER_DAY)
    end = shop.data_end
    if shop.clock.kind == "timestamp" and float(days).is_integer():
        end = -(-end // day) * day
    return end - round(days * SECONDS_PER_DAY)


def leave_one_out(shop: Shop, seed: int) -> Holdout:
    """Asks for each shopper's last goal event, at its moment; it and what they did later is held back.

    Shoppers with nothing before it are not asked about. Raises DataError where that leaves nobody.
    """
    starts = shop.histories.offsets[:-1]
    rows = np.flatnonzero(shop.log.goals)
    last = np.full(len(shop.user_ids), -1, np.int64)
    np.maximum.at(last, shop.users[rows], rows)
    asked = np.flatnonzero(last > starts).astype(np.int32)
    if not len(asked):
        raise DataError("no shopper has a goal event with another event before it; leave_one_out needs both")
    held = np.zeros(len(shop.log), np.bool_)
    held[_spans(last[asked], shop.histories.offsets[asked + 1])] = True
    kept = np.flatnonzero(~held)
    searches = shop.searches and shop.searches.rows(kept)
    known = replace(shop, users=shop.users[kept], log=shop.log.rows(kept), searches=searches)
    found = shop.log.rows(last[asked])
    return _holdout("leave_one_out", 0.0, known, _Held(asked, found.times, asked, found.items), seed)


class _Held(NamedTuple):
    """What is held back: the shoppers to ask about and when, and the (shopper, item) pairs of goal events."""

    asked: Array
    times: Array
    users: Array
    items: Array


def _holdout(protocol: str, days: float, known: Shop, held: _Held, seed: int) -> Holdout:
    places = _drawn(len(held.asked), seed)
    asked, times = held.asked[places], held.times[places]
    mine = np.isin(held.users, asked)
    pairs = Truth.of_pairs(np.searchsorted(asked, held.users[mine]), held.items[mine], len(asked))
    warm = np.bincount(known.log.items, minlength=len(known.item_ids))[pairs.items] >= LEAST_EVENTS
    before = _bought_before(known, asked, pairs)
    return Holdout(
        protocol=protocol,
        days=days,
        known=known,
        users=asked.astype(np.int32),
        asked_at=times.astype(np.int64),
        truth=pairs.only(warm),
        new=pairs.only(warm & ~before),
        cold=pairs.only(~warm),
    )


def _bought_before(known: Shop, asked: Array, pairs: Truth) -> Array:
    """bool[k]: whether the shopper of each pair went for its item in what is known."""
    size = len(known.item_ids)
    goals = known.log.goals
    earlier = known.users[goals].astype(np.int64) * size + known.log.items[goals]
    before: Array = np.isin(asked[pairs.rows].astype(np.int64) * size + pairs.items, earlier)
    return before


def _drawn(count: int, seed: int) -> Array:
    """Row numbers: all, or MOST_SHOPPERS by lot, ascending."""
    if count <= MOST_SHOPPERS:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, MOST_SHOPPERS, replace=False))


def _spans(starts: Array, ends: Array) -> Array:
    """All numbers from each start (inclusive) to its end (exclusive)."""
    lengths = ends - starts
    rows: Array = np.arange(lengths.sum()) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    return rows
