"""A shop of a few items and shoppers as an object, without tables: for tests of what is fitted from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from endcap.bundle.columns import BoolColumn, ListColumn, NumberColumn, StringColumn
from endcap.bundle.events import Array, Events
from endcap.bundle.folder import Bundle, open_bundle
from endcap.bundle.manifest import Clock
from endcap.bundle.writer import BundleWriter
from endcap.training.cleaning_report import CleaningReport
from endcap.training.config import EventsConfig, ItemsConfig, ShopConfig, TrainingConfig
from endcap.training.fit.fitter import Context, fitters
from endcap.training.progress import silent
from endcap.training.shop import ItemPeriods, Shop
from endcap.training.snapshot import manifest_of

DAY = 86_400
START = 19_000 * DAY
"""A midnight."""


def shop_of(
    rows: Sequence[tuple[int, int, float]],
    items: int = 6,
    users: int = 3,
    days: int = 100,
    baskets: Sequence[int] | None = None,
    goals: Sequence[bool] | None = None,
    weights: Sequence[float] | None = None,
    values: Sequence[float] | None = None,
    quantities: Sequence[float] | None = None,
) -> Shop:
    """Events of (user, item, day); the shop ends after ``days``. What is not given is plain: purchases of one piece."""
    size = len(rows)
    owners = np.array([user for user, _, _ in rows], np.int32)
    log = Events(
        items=np.array([item for _, item, _ in rows], np.int32),
        times=np.array([START + round(day * DAY) for _, _, day in rows], np.int64),
        weights=np.array([1.0] * size if weights is None else weights, np.float32),
        goals=np.array([True] * size if goals is None else goals, np.bool_),
        quantities=np.array([1.0] * size if quantities is None else quantities, np.float32),
        values=np.array([np.nan] * size if values is None else values, np.float32),
        baskets=np.array([-1] * size if baskets is None else baskets, np.int64),
    )
    order = np.lexsort((log.items, log.times, owners))
    return Shop(
        name="made",
        item_ids=[f"i{n}" for n in range(items)],
        titles=[f"title {n // 2}" for n in range(items)],
        texts=[f"text {n}" for n in range((items + 1) // 2)],
        text_numbers=(np.arange(items) // 2).astype(np.int32),
        columns={
            "available": BoolColumn.of([True] * items),
            "price": NumberColumn.of([None] * items),
            "brand": StringColumn.of(["A", "B"][n % 2] for n in range(items)),
            "categories": ListColumn.of(["all", f"kind {n % 3}"] for n in range(items)),
        },
        groups=groups_of(items),
        user_ids=[f"u{n}" for n in range(users)],
        user_columns={},
        users=owners[order],
        log=log.rows(order),
        clock=Clock(),
        data_start=START,
        data_end=START + days * DAY,
        event_weights={"view": 0.1, "purchase": 1.0},
        goal_types=["purchase"],
        periods=ItemPeriods.none(),
        searches=None,
        report=CleaningReport(),
    )


def groups_of(items: int) -> dict[str, Array]:
    numbers = np.arange(items, dtype=np.int32)
    groups = {
        "title": numbers // 2,
        "category": numbers % 3,
        "aisle": numbers % 3 // 2,
        "department": np.zeros(items, np.int32),
        "brand": numbers % 2,
        "line": numbers % 6,
    }
    return {name: codes.astype(np.int32) for name, codes in groups.items()}


def busy_shop(users: int = 30, items: int = 40, days: int = 120, seed: int = 3) -> Shop:
    """Shoppers with favourites, baskets, views, prices and promotions: enough to fit and teach everything."""
    random = np.random.default_rng(seed)
    rows, baskets, goals = [], [], []
    for user in range(users):
        favourites = (user * 5 + np.arange(4)) % items
        for visit, day in enumerate(np.arange(random.uniform(0, 6), days - 0.01, 3 + user % 5)):
            chosen = {*favourites[random.random(4) < 0.6].tolist(), int(random.beta(0.8, 2.0) * items)}
            rows += [(user, item, float(day)) for item in sorted(chosen)]
            baskets += [user * 1000 + visit if user % 3 else -1] * len(chosen)
            goals += [bool(random.random() < 0.8) for _ in chosen]
    pieces = random.integers(1, 4, len(rows)).astype(float)
    money = [n * (1 + item % 5) for n, (_, item, _) in zip(pieces, rows, strict=True)]
    weights = [1.0 if goal else 0.1 for goal in goals]
    shop = shop_of(rows, items, users, days, baskets, goals, weights, money, pieces.tolist())
    return replace(shop, periods=_promotions(items, days, random))


def _promotions(items: int, days: int, random: np.random.Generator) -> ItemPeriods:
    owners = np.sort(random.integers(0, items, 60)).astype(np.int32)
    starts = START + random.integers(0, days, 60) * DAY
    order = np.lexsort((starts, owners))
    values = random.random((60, 2)).astype(np.float32)
    return ItemPeriods(owners, starts[order], starts[order] + 7 * DAY, ["display=front, end", "leaflet"], values)


def config_of(**training: object) -> ShopConfig:
    """A config whose paths nobody reads."""
    nowhere = Path("nowhere.csv")
    return ShopConfig.model_construct(
        name="made",
        events=EventsConfig.model_construct(path=nowhere),
        items=ItemsConfig.model_construct(path=nowhere),
        training=TrainingConfig.model_validate({"horizon_days": 14.0, **training}),
    )


def context_of(**training: object) -> Context:
    return Context(config_of(**training), silent)


def snapshot(shop: Shop, folder: Path) -> Bundle:
    """Every part but the texts, fitted on all that ``shop`` knows."""
    context = context_of()
    with BundleWriter(folder) as writer:
        for name, fitter in fitters().items():
            if name != "text" and (name != "periods" or len(shop.periods)):
                fitter.fit(shop, writer.part(name), context)
        return open_bundle(writer.seal(manifest_of(shop, context.config)))
