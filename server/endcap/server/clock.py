"""The shop's clock: seconds, as the bundle counts them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from endcap.bundle.manifest import Manifest

SECONDS_PER_DAY = 86_400
_FAR = 2**50  # 36 million years: sums and differences of such times still fit an int64


@dataclass(frozen=True)
class ShopClock:
    """Turns the times of requests into the bundle's seconds, and says what time it is now."""

    manifest: Manifest

    def seconds(self, unix_seconds: int) -> int:
        """A request's time on the shop's clock. Where the shop counts in plain integers, so do its requests."""
        clock = self.manifest.clock
        if clock.kind == "timestamp":
            return unix_seconds
        seconds = round((unix_seconds - clock.origin) * clock.seconds_per_unit)
        return max(-_FAR, min(_FAR, seconds))

    def now(self, wall_seconds: float | None = None) -> int:
        """The wall clock, as long as the bundle's data reach near it; after that the end of the data.

        A ranker is taught to look ``horizon_days`` ahead. A bundle older than that would take every shopper for long
        gone and every item for out of fashion, so its clock stands still; so does one that counts in plain integers.
        """
        wall = int(time.time() if wall_seconds is None else wall_seconds)
        ahead = wall - self.manifest.data_end
        within = 0 <= ahead <= self.manifest.horizon_days * SECONDS_PER_DAY
        return wall if within and self.manifest.clock.kind == "timestamp" else self.manifest.data_end
