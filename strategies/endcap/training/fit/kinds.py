"""What sells of each kind: every item's share of its group's recent sales, and each group's best sellers."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.writer import PartWriter
from endcap.strategies.anchors import decay
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.shop import Shop

KINDS = ("title", "line", "category", "brand")
HALF_LIFE_DAYS, BEST_OF_A_GROUP, SHRINK = 28.0, 20, 1.0


def _kinds(shop: Shop, part: PartWriter, context: Context) -> None:
    log, size = shop.log, len(shop.item_ids)
    sales = np.bincount(log.items, log.weights * decay(shop.data_end - log.times, HALF_LIFE_DAYS), size)
    for name in KINDS:
        part.arrays({f"{name}.{what}": array for what, array in best_sellers(shop.groups[name], sales).items()})


def best_sellers(groups: Array, sales: Array) -> dict[str, Array]:
    """``share`` float32[items] of the group's sales, shrunk; ``offsets`` and ``items``: each group's best sellers."""
    count = int(groups.max(initial=-1)) + 1
    known = np.flatnonzero((groups >= 0) & (sales > 0))
    totals = np.bincount(groups[known], sales[known], count) + SHRINK
    share = np.zeros(len(groups), np.float32)
    share[known] = sales[known] / totals[groups[known]]
    order = known[np.lexsort((known, -sales[known], groups[known]))]
    starts = np.searchsorted(groups[order], groups[order])
    items = order[np.arange(len(order)) - starts < BEST_OF_A_GROUP]
    offsets = np.searchsorted(groups[items], np.arange(count + 1)).astype(np.int64)
    return {"share": share, "offsets": offsets, "items": items.astype(np.int32)}


kinds = Fitter(_kinds, needs_events=True)
