"""The parts that are the shop itself: catalog, shoppers, histories, and periods known ahead."""

from __future__ import annotations

import numpy as np

from endcap.bundle.ids import IdIndex
from endcap.bundle.strings import StringTable
from endcap.bundle.writer import PartWriter
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.shop import Shop


def _catalog(shop: Shop, part: PartWriter, context: Context) -> None:
    part.arrays(IdIndex.of(shop.item_ids).arrays("ids"))
    part.arrays(StringTable.of(shop.titles).arrays("titles"))
    part.json("columns", {name: column.kind for name, column in shop.columns.items()})
    for name, column in shop.columns.items():
        if name != "price":  # as of a time, where it is derived from sales: see the part ``items``
            part.arrays(column.arrays(f"column.{name}"))
    part.arrays({f"group.{name}": codes.astype(np.int32) for name, codes in shop.groups.items()})
    part.array("texts", shop.text_numbers.astype(np.int32))


def _users(shop: Shop, part: PartWriter, context: Context) -> None:
    part.arrays(IdIndex.of(shop.user_ids).arrays("ids"))
    part.json("columns", {name: column.kind for name, column in shop.user_columns.items()})
    for name, column in shop.user_columns.items():
        part.arrays(column.arrays(f"column.{name}"))


def _histories(shop: Shop, part: PartWriter, context: Context) -> None:
    part.histories(shop.histories)


def _periods(shop: Shop, part: PartWriter, context: Context) -> None:
    periods = shop.periods
    offsets = np.zeros(len(shop.item_ids) + 1, np.int64)
    np.cumsum(np.bincount(periods.items, minlength=len(shop.item_ids)), out=offsets[1:])
    part.arrays({"offsets": offsets, "starts": periods.starts, "ends": periods.ends})
    part.array("values", np.nan_to_num(periods.values.astype(np.float32)))
    part.json("names", periods.names)
    part.json("longest", int((periods.ends - periods.starts).max(initial=0)))


catalog = Fitter(_catalog, timeless=True)
users = Fitter(_users, timeless=True)
histories = Fitter(_histories)
periods = Fitter(_periods, timeless=True)
