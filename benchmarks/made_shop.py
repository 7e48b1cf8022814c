"""Made shops of any size, the same for the same seed, skewed as real ones are.

Popularity falls as a power of rank, within categories and over all; a shopper buys a few favourites again and again and
explores the categories they like; titles repeat, as variants of one product do. Bundles are written by training's own
fitters, but for one part that would take long and say nothing of speed: the ranker learns a made target from a few
thousand rows of the pipeline's own columns.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import numpy as np

from endcap.bundle.columns import BoolColumn, ListColumn, NumberColumn, StringColumn
from endcap.bundle.events import Events
from endcap.bundle.folder import Bundle, newest_bundle
from endcap.bundle.manifest import Clock, Manifest
from endcap.bundle.writer import BundleWriter, PartWriter
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import Run, gather
from endcap.strategies.score.net import Encoding, Net
from endcap.strategies.shelf import Shelf
from endcap.strategies.tables import ready_made
from endcap.training.cleaning_report import CleaningReport
from endcap.training.config import ShopConfig
from endcap.training.fit.fitter import Context, fitters
from endcap.training.shop import ItemPeriods, Shop
from endcap.training.snapshot import manifest_of
from endcap.training.text.embed import embed_texts
from endcap.training.text.export import export_encoder
from endcap.training.text.index import build_index
from endcap.training.text.model import check_model

DAY, DAYS = 86_400, 365
START = 1_704_067_200  # 2024-01-01
FAVOURITES, BASKET = 25, 8
SYLLABLES = ("ba", "co", "di", "fe", "gu", "ha", "jo", "ki", "lu", "ma", "ne", "po", "ra", "si", "to", "vu", "we", "zo")


class Size(NamedTuple):
    items: int
    shoppers: int
    events: int
    variants: int = 5
    """Items that share one title and text, about."""

    @property
    def name(self) -> str:
        sizes = "-".join(_short(number) for number in self[:3])
        return sizes if self.variants == 5 else f"{sizes}-{self.variants}"


QUICK_SIZES = {"10k": Size(10_000, 1_000, 100_000), "100k": Size(100_000, 2_000, 200_000, variants=20)}
"""Made and measured within two minutes: with so few texts that they are embedded in seconds."""


def _short(number: int) -> str:
    return f"{number // 1_000_000}m" if number % 1_000_000 == 0 else f"{number // 1000}k"


class Ranking(NamedTuple):
    """The ranker that a made bundle gets, and the strategy that it is for."""

    trees: int = 225
    leaves: int = 63
    table: dict[str, Any] | None = None
    """As parsed from TOML; None: the ready-made ``hybrid``, whose ranker has a network beside the trees."""
    merged: tuple[str, ...] = ()
    """Columns of merge that the ranker reads besides those of the hydrators."""


DEFAULT = Ranking()


def made_bundle(
    folder: Path, size: Size, seed: int = 7, ranking: Ranking = DEFAULT, say: Callable[[str], None] = print
) -> Path:
    """The bundle of such a shop below ``folder``, written where it is not there yet."""
    place = folder / f"{size.name}-{seed}"
    if place.is_dir():
        return newest_bundle(place)
    scratch = place.with_name(f".{place.name}")
    shutil.rmtree(scratch, ignore_errors=True)
    _write(scratch, made_shop(size, seed), seed, ranking, say)
    scratch.rename(place)
    return newest_bundle(place)


def made_shop(size: Size, seed: int) -> Shop:
    random = np.random.default_rng(seed)
    catalog = _catalog(size, random)
    users, log = _events(size, catalog["category"], random)
    titles = catalog["names"]
    brands, paths = catalog["brands"], catalog["paths"]
    return Shop(
        name=f"made-{size.name}",
        item_ids=[f"i{number:07}" for number in range(size.items)],
        titles=titles,
        texts=catalog["texts"],
        text_numbers=catalog["title"],
        columns={
            "available": BoolColumn(np.ones(size.items, np.int8)),
            "price": NumberColumn(np.round(np.exp(random.normal(1.2, 0.8, size.items)), 2)),
            "brand": StringColumn.of(brands),
            "categories": ListColumn.of(paths),
        },
        groups={name: catalog[name] for name in ("title", "brand", "category", "department", "aisle", "line")},
        user_ids=[f"u{number:07}" for number in range(size.shoppers)],
        user_columns={},
        users=users,
        log=log,
        clock=Clock(),
        data_start=START,
        data_end=START + DAYS * DAY,
        event_weights={"purchase": 1.0},
        goal_types=["purchase"],
        periods=ItemPeriods.none(),
        searches=None,
        report=CleaningReport(),
        fields={
            "title": [[title] for title in titles],
            "brand": [[brand] for brand in brands],
            "categories": [list(path) for path in paths],
        },
    )


def _catalog(size: Size, random: np.random.Generator) -> dict[str, Any]:
    """About 300 items a category, and a brand for forty."""
    count = size.items
    leaves, departments = max(count // 300, 8), max(count // 12_000, 4)
    category = _skewed(random, leaves, count)
    title = _titles(category, size.variants, random)
    brand = _skewed(random, max(count // 40, 5), count)
    words = _words(random, 4000 + count // 50)
    nouns = random.integers(0, len(words), leaves)
    styles = random.integers(0, len(words), (int(title.max()) + 1, 2))
    leaf_of = np.zeros(int(title.max()) + 1, np.int64)
    leaf_of[title] = category
    texts = [f"{words[a]} {words[b]} {words[nouns[leaf]]}" for (a, b), leaf in zip(styles, leaf_of, strict=True)]
    _, line = np.unique(category.astype(np.int64) * (int(brand.max()) + 1) + brand, return_inverse=True)
    paths = [(f"department {leaf % departments}", words[nouns[leaf]]) for leaf in range(leaves)]
    return {
        "category": category.astype(np.int32),
        "department": (category % departments).astype(np.int32),
        "aisle": (category % departments).astype(np.int32),
        "title": title.astype(np.int32),
        "brand": brand.astype(np.int32),
        "line": line.astype(np.int32),
        "names": [texts[number] for number in title],
        "texts": texts,
        "brands": [f"brand {words[number % len(words)]} {number}" for number in brand],
        "paths": [paths[leaf] for leaf in category],
    }


def _titles(category: np.ndarray, variants: int, random: np.random.Generator) -> np.ndarray:
    """int64[items]: a few titles in each category, some of which many items share."""
    if variants == 1:
        return np.arange(len(category))
    titles = np.maximum(np.bincount(category) // variants, 1)
    first = np.concatenate([[0], np.cumsum(titles)])
    code = first[category] + (random.random(len(category)) ** 2 * titles[category]).astype(np.int64)
    return np.unique(code, return_inverse=True)[1]


def _words(random: np.random.Generator, count: int) -> list[str]:
    made = {"".join(SYLLABLES[place] for place in row) for row in random.integers(0, len(SYLLABLES), (2 * count, 4))}
    return sorted(made)[:count]


def _skewed(random: np.random.Generator, kinds: int, count: int) -> np.ndarray:
    """int64[count] of 0 to kinds - 1: a power law of rank, exponent about .8."""
    return np.minimum((kinds * random.random(count) ** 2.2).astype(np.int64), kinds - 1)


def _events(size: Size, category: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, Events]:
    """Sorted by (shopper, time). Six of ten are one of the shopper's favourites, others of kinds that they like."""
    each = np.maximum(random.lognormal(0.0, 1.0, size.shoppers), 0.05)
    counts = random.multinomial(size.events, each / each.sum())
    users = np.repeat(np.arange(size.shoppers, dtype=np.int32), counts)
    popular = random.permutation(size.items)
    favourites = popular[_skewed(random, size.items, size.shoppers * FAVOURITES)].reshape(-1, FAVOURITES)
    by_category = np.argsort(category, kind="stable")
    starts = np.searchsorted(category[by_category], np.arange(int(category.max()) + 2))
    chosen = favourites[users, (FAVOURITES * random.random(len(users)) ** 1.5).astype(np.int64)]
    explored = np.flatnonzero(random.random(len(users)) < 0.4)
    kind = category[chosen[explored]]
    width = starts[kind + 1] - starts[kind]
    chosen[explored] = by_category[starts[kind] + (width * random.random(len(explored)) ** 2.5).astype(np.int64)]
    trips = np.maximum(counts // BASKET, 1)
    trip = (random.random(len(users)) * trips[users]).astype(np.int64)
    order = np.lexsort((chosen, trip, users))
    users, chosen, trip = users[order], chosen[order], trip[order]
    days = np.minimum(trip * DAYS // trips[users] + (users * 7 + trip * 3) % 3, DAYS - 1)
    order = np.lexsort((chosen, days, users))
    users, chosen, trip, days = users[order], chosen[order], trip[order], days[order]
    return users, Events(
        items=chosen.astype(np.int32),
        times=START + days * DAY + 43_200,
        weights=np.ones(len(users), np.float32),
        goals=np.ones(len(users), np.bool_),
        quantities=random.integers(1, 4, len(users)).astype(np.float32),
        values=np.round(random.lognormal(1.2, 0.8, len(users)), 2).astype(np.float32),
        baskets=users.astype(np.int64) * 100_000 + trip,
    )


def _write(out: Path, shop: Shop, seed: int, ranking: Ranking, say: Callable[[str], None]) -> None:
    config = ShopConfig.model_construct(name=shop.name)  # the defaults; there are no tables to name
    with BundleWriter(out) as writer:
        for name, fitter in fitters().items():
            if name == "periods":
                continue
            begun = time.perf_counter()
            if name == "text":
                _text(shop, writer.part(name), out.parent)
            else:
                fitter.fit(shop, writer.part(name), Context(config, lambda *_: None))
            say(f"{shop.name}: {name} in {time.perf_counter() - begun:.1f} s")
        manifest = manifest_of(shop, config)
        begun = time.perf_counter()
        manifest = _ranker(writer, manifest, seed, ranking)
        say(f"{shop.name}: ranker in {time.perf_counter() - begun:.1f} s")
        writer.seal(manifest)


def _text(shop: Shop, part: PartWriter, kept: Path) -> None:
    """As training does, but for the encoder's export, which is done once for all shops."""
    encoder = kept / "encoder"
    if not encoder.is_dir():
        scratch = kept / ".encoder"
        scratch.mkdir(parents=True, exist_ok=True)
        export_encoder(check_model(None), scratch, texts=shop.texts[:100])
        scratch.rename(encoder)
    shutil.copytree(encoder, part.folder, dirs_exist_ok=True)
    part.json("index", asdict(build_index(embed_texts(encoder, shop.texts), part.folder)))


LESSONS = 60
"""Shoppers whose candidates the made ranker learns from."""


def _ranker(writer: BundleWriter, manifest: Manifest, seed: int, ranking: Ranking) -> Manifest:
    """Trees and a network of the real one's shape, over columns and values of the real pipeline."""
    bundle, table = Bundle(writer.folder, manifest), ranking.table or ready_made()["hybrid"]
    strategy = Shelf(bundle).strategy("lessons", {**table, "score": "by_source", "select": "top_k"})
    random = np.random.default_rng([seed, 2])
    active = np.flatnonzero(np.diff(bundle.histories.offsets) > BASKET)
    names = [feature.name for hydrator in strategy.hydrate for feature in hydrator.component.provides]
    names += ranking.merged
    rows = [
        gather(strategy, Query(manifest.data_end, user, bundle.histories.of(user)), Run()).matrix(names)
        for user in random.choice(active, min(LESSONS, len(active)), replace=False).tolist()
    ]
    features = np.concatenate(rows)
    target = np.nan_to_num(features[:, random.integers(0, len(names), 12)])
    signal = (np.argsort(np.argsort(target, axis=0), axis=0) / len(target)) @ random.normal(0, 1, 12)
    labels = (signal + random.normal(0, 0.5, len(signal)) > np.quantile(signal, 0.9)).astype(np.int32)
    parameters = {"num_leaves": ranking.leaves, "min_data_in_leaf": 20, "verbose": -1, "seed": seed, "max_bin": 127}
    booster = lightgbm.train(
        {**parameters, "objective": "binary", "learning_rate": 0.05}, lightgbm.Dataset(features, labels), ranking.trees
    )
    part = writer.part("ranker")
    text = booster.model_to_string()
    (part.folder / "model.txt").write_text(text[: text.index("\nparameters:")] + "\n", encoding="utf-8")
    part.json("features", names)
    if ranking.table is None:
        part.arrays({f"net.{name}": values for name, values in vars(_network(features, random)).items()})
        part.json("blend", {"share": 0.5, "scale": 1.0})
        return manifest
    return manifest.model_copy(update={"strategies": {"bench": table}, "default_strategy": "bench"})


HIDDEN = (96, 64)
"""Of the network that training fits."""


def _network(features: np.ndarray, random: np.random.Generator) -> Net:
    """Of the real one's shape, with weights by lot: what it says is nothing, what it costs is the same."""
    encoding = Encoding.of(features)
    widths = (len(encoding.means) + len(encoding.flags), *HIDDEN)
    first, second = (
        random.normal(0, above**-0.5, (above, below)).astype(np.float32) for above, below in pairwise(widths)
    )
    last = random.normal(0, HIDDEN[1] ** -0.5, HIDDEN[1]).astype(np.float32)
    biases = (np.zeros(size, np.float32) for size in (*HIDDEN, 1))
    first_bias, second_bias, last_bias = biases
    return Net(
        encoding.means,
        encoding.scales,
        encoding.flags,
        first,
        first_bias,
        second,
        second_bias,
        last,
        last_bias,
    )
