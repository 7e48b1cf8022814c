"""Plain data for JSON: no numpy, no NaN, and moments as the shop would write them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

from endcap.bundle.manifest import Clock

DIGITS = 6


def plain(value: Any) -> Any:
    """``value`` of dicts, lists, numbers and texts, with floats rounded and NaN as None."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return round(float(value), DIGITS) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def moment(clock: Clock, seconds: int) -> str | int:
    """An ISO time in UTC, or the shop's own integer where its times are a plain order."""
    if clock.kind == "order":
        return round(seconds / clock.seconds_per_unit) + clock.origin
    return datetime.fromtimestamp(seconds, UTC).isoformat()
