"""What reached shoppers: the page of a slate, what the books note of it, and which items were shown lately."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.contract import Query
from endcap.strategies.merge import CALLER
from endcap.strategies.pipeline import Slate


class Shopper(StrEnum):
    """What is known of the shopper that a request is for."""

    KNOWN = "known"
    """They have a history in the bundle."""
    VISIT = "visit"
    """They have none, but the request tells what they did in this visit."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Shown:
    """The page of a slate that went to the caller. Everything is worked out when it is asked for."""

    query: Query
    slate: Slate
    offset: int
    """Where the page starts; it ends with the slate."""

    @property
    def shopper(self) -> Shopper:
        if len(self.query.history):
            return Shopper.KNOWN
        return Shopper.VISIT if len(self.query.session) else Shopper.UNKNOWN

    @property
    def items(self) -> Array:
        """int32[k]"""
        return self.slate.items[self.offset :]

    @property
    def top_score(self) -> float:
        """Of the slate's first item; NaN where the page isn't the first, or that item could not be scored."""
        return float(self.slate.scores[0]) if not self.offset and len(self.slate.items) else float("nan")

    @property
    def sources(self) -> tuple[str, ...]:
        return (*self.slate.run.recalled,) or (CALLER,)

    @property
    def merged(self) -> Array:
        """float32[k, m]: of each item rank and score of each of ``sources``, and what else the merge knows of it. The
        rank is NaN where the source had not proposed it; an item of several counts for each."""
        return self.slate.candidates.blocks[0].values[self.offset :]


def alike(pages: Iterable[Shown]) -> dict[tuple[str, tuple[str, ...]], list[Shown]]:
    """The pages by their strategy and its recall sources, which a request may override."""
    found: dict[tuple[str, tuple[str, ...]], list[Shown]] = {}
    for page in pages:
        found.setdefault((page.slate.strategy, page.sources), []).append(page)
    return found


class ShownItems:
    """When each item was shown last: four bytes an item, in one file that all workers of a server map and write.

    Two workers may write one item's place at a time: both write the same second, or two that are next to each other.
    """

    def __init__(self, file: Path, items: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Makes the file where it is not there yet; ``clock`` must be the same for all processes, as Linux' is."""
        with file.open("ab") as made:
            made.truncate(4 * items)
        self._clock = clock
        self._seconds = np.memmap(file, np.uint32, "r+").view(np.ndarray) if items else np.empty(0, np.uint32)

    def mark(self, items: Array) -> None:
        """These items (int32[k]) are shown now."""
        self._seconds[items] = self._now()

    def within(self, seconds: float) -> int:
        """How many distinct items were shown in the last so many seconds."""
        return int(np.count_nonzero(self._seconds >= max(self._now() - seconds, 1)))

    def _now(self) -> int:
        return int(self._clock()) + 1  # 0 stands for never


def met_items(bundle: Bundle) -> Array:
    """bool[items]: whether any event of the bundle's data is of this item."""
    met: Array = np.bincount(bundle.histories.log.items, minlength=len(bundle.catalog)) > 0
    return met
