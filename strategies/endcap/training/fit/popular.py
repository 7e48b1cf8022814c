"""The order of the ``popular`` source: what sold in the recent window, leaning towards what is rising."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.writer import PartWriter
from endcap.strategies.anchors import decay
from endcap.strategies.contract import SECONDS_PER_DAY
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.shop import Shop

HALF_LIFE_DAYS = 14.0
MOST_ITEMS = 20_000


def _popular(shop: Shop, part: PartWriter, context: Context) -> None:
    scores = popularity(shop)
    items = np.lexsort((np.arange(len(scores)), -scores))[:MOST_ITEMS]
    items = items[scores[items] > 0].astype(np.int32)
    part.arrays({"items": items, "scores": scores[items].astype(np.float32)})


def popularity(shop: Shop) -> Array:
    """float64[items]: decayed event weights, times how the last fortnight compares with the one before (0.7 to 1.4)."""
    log, size = shop.log, len(shop.item_ids)
    ages_s = shop.data_end - log.times
    level = np.bincount(log.items, log.weights * decay(ages_s, HALF_LIFE_DAYS), size)
    fortnight = ages_s / (14 * SECONDS_PER_DAY)
    now = np.bincount(log.items, log.weights * (fortnight <= 1), size)
    then = np.bincount(log.items, log.weights * ((fortnight > 1) & (fortnight <= 2)), size)
    shrink = max(float(log.weights.mean()) if len(log) else 1.0, 1e-9) * 5.0
    lean: Array = np.clip(np.sqrt((now + shrink) / (then + shrink)), 0.7, 1.4)
    return level * lean


popular = Fitter(_popular, needs_events=True)
