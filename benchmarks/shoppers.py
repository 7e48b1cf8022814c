"""Whom the benchmarks ask about."""

from __future__ import annotations

import numpy as np

from endcap.bundle.folder import Bundle


def shoppers(bundle: Bundle, count: int, seed: int) -> list[int]:
    """Shoppers with events, drawn by seed."""
    known = np.flatnonzero(np.diff(bundle.histories.offsets))
    return np.random.default_rng(seed).choice(known, count, replace=len(known) < count).tolist()
