"""Slates that answer more than one request: kept for seconds, where the strategy's table allows it.

Equal requests that come at once are computed once. What changes about a shopper or an item is told by
``forget_shopper`` and ``forget_item``: no slate that it touches is given out from then on, not even one that is being
made just then. Safe to share between threads.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event, Lock
from typing import Final, Literal, NamedTuple

from endcap.server.errors import OutOfTime
from endcap.strategies.pipeline import Slate

ENTRY_BYTES: Final = 1_000
"""What an entry takes beside its bytes and columns, about."""
TAG_BYTES: Final = 150
"""What it takes to find an entry by one of its tags, about."""
LARGEST_SHARE: Final = 8
"""No entry takes more than this part of the whole."""


class Tag(NamedTuple):
    """What a slate depends on and what may change while the server runs."""

    kind: Literal["shopper", "item"]
    id: str


class Key(NamedTuple):
    bundle: str
    strategy: str
    content: bytes
    """Digest of all else that decides the answer."""


@dataclass(frozen=True)
class Kept:
    """A slate as it is given out again."""

    body: bytes
    """The part of the response that does not depend on who asks, as protobuf: more fields may follow it."""
    slate: Slate
    now: int
    """The time that it was ranked for, on the shop's clock."""
    tags: frozenset[Tag]

    @cached_property
    def size(self) -> int:
        """Bytes in memory, about."""
        columns = sum(block.values.nbytes for block in self.slate.candidates.blocks)
        return len(self.body) + columns + ENTRY_BYTES + TAG_BYTES * len(self.tags)

    @property
    def whole(self) -> bool:
        """Nothing is missing from it; a slate that had to do without something is not given to others."""
        return not self.slate.run.degradations


@dataclass
class _Flight:
    """A slate that is being made, and for which others may wait."""

    done: Event = field(default_factory=Event)
    kept: Kept | None = None
    """None once it is done: it failed, or is not to be given to others."""
    forgotten: set[Tag] = field(default_factory=set)
    """What changed since it was begun."""

    def wait(self, deadline: float | None) -> Kept | None:
        """Raises OutOfTime when ``deadline`` (of time.monotonic) passes first."""
        if not self.done.wait(None if deadline is None else max(deadline - time.monotonic(), 0.0)):
            raise OutOfTime
        return self.kept


class SlateCache:
    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._clock = clock
        self._lock = Lock()
        self._entries: OrderedDict[Key, tuple[float, Kept]] = OrderedDict()  # until when; the latest used last
        self._tagged: dict[Tag, set[Key]] = {}
        self._flights: dict[Key, _Flight] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def answer(
        self, key: Key, seconds: float, make: Callable[[], Kept], deadline: float | None = None
    ) -> tuple[Kept, bool]:
        """The slate of ``key``, and whether it was there already or made for another request.

        ``make`` is called where it was not; what it raises is raised here and keeps nobody else from trying. The slate
        is then kept for ``seconds``. Raises OutOfTime when ``deadline`` passes while another request makes it.
        """
        while True:
            with self._lock:
                if (kept := self._fresh(key)) is not None:
                    return kept, True
                flight = self._flights.get(key)
                if flight is None:
                    mine = self._flights[key] = _Flight()
                    break
            if (kept := flight.wait(deadline)) is not None:
                return kept, True
        return self._made(key, seconds, make, mine), False

    def forget_shopper(self, shopper: str) -> None:
        """Something changed about the shopper or guest of this id."""
        self._forget(Tag("shopper", shopper))

    def forget_item(self, item: str) -> None:
        """Something changed about the item of this id."""
        self._forget(Tag("item", item))

    def _forget(self, tag: Tag) -> None:
        with self._lock:
            for flight in self._flights.values():
                flight.forgotten.add(tag)
            for key in list(self._tagged.get(tag, ())):
                self._drop(key)

    def _made(self, key: Key, seconds: float, make: Callable[[], Kept], flight: _Flight) -> Kept:
        try:
            kept = make()
            with self._lock:
                if kept.whole and not flight.forgotten & kept.tags:
                    flight.kept = kept
                    self._keep(key, self._clock() + seconds, kept)
            return kept
        finally:
            with self._lock:
                del self._flights[key]
            flight.done.set()

    def _fresh(self, key: Key) -> Kept | None:
        found = self._entries.get(key)
        if found is None:
            return None
        until, kept = found
        if self._clock() >= until:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return kept

    def _keep(self, key: Key, until: float, kept: Kept) -> None:
        if kept.size * LARGEST_SHARE > self.max_bytes:
            return
        self._entries[key] = until, kept
        self.bytes += kept.size
        for tag in kept.tags:
            self._tagged.setdefault(tag, set()).add(key)
        while self.bytes > self.max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Key) -> None:
        _, kept = self._entries.pop(key)
        self.bytes -= kept.size
        for tag in kept.tags:
            keys = self._tagged[tag]
            keys.remove(key)
            if not keys:
                del self._tagged[tag]
